"""gRPC: translate in, call the use case, translate back."""
