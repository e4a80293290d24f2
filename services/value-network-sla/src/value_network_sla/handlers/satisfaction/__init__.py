"""Taking in what customers experienced and said, and measuring satisfaction."""
