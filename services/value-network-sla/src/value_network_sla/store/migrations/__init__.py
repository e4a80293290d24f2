"""How the schema became what it is."""
