"""How the command reaches services: channels, reflection, requests from JSON, and errors in words."""
