"""What networks charge each other for roaming."""
