"""Which usage records findings are about."""
