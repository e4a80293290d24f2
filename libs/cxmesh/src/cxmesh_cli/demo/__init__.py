"""The demo: three stories on real input, told by the whole mesh."""
