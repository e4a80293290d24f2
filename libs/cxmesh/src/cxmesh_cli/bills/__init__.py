"""Files of bills on their way to billing-accuracy."""
