"""gRPC and events: translate in, call the use case, translate back."""
