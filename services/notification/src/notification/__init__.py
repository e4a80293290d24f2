"""Messages on the customer's channel, in their language, once."""
