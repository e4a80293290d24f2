"""What the service does, one use case a file. No SQL and no protobuf: both come in through `ports`."""
