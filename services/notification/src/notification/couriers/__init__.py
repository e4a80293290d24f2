"""Outside channels: how a message is handed over, and what the other end says."""
