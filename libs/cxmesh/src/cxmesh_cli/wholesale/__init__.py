"""What visited networks charge for roamers: tariffs and charges in, differences out."""
