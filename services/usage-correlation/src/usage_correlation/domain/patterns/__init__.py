"""What do patterns say, and what do they find? Pure: columns in, matches out."""
