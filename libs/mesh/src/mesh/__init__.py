"""What every cxmesh service runs on."""
