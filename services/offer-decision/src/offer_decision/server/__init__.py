"""What the outside sees: calls and events in, answers and events out; and the services that are asked."""
