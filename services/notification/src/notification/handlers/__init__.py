"""What the notification service does, one use case a file."""
