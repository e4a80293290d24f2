"""Files into the mesh: read, sent in batches, refused records reported, resumed where it ended."""
