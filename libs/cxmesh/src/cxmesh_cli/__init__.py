"""The cxmesh command: run the mesh here, feed it, ask it."""
