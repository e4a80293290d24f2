"""What customers experienced and said, and what each party of the network cost of it."""
