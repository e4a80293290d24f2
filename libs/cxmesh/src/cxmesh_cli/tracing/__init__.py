"""One trace across services and partners, in the terminal."""
