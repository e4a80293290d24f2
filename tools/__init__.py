"""What builds and checks this project."""
