"""What the outside sees: calls in, answers and events out; and the services that are asked."""
