"""The product catalogue, and the right message or offer at the right moment."""
