"""Providers' usage files into usage records: streaming, with rejects, control totals and places to resume from."""
