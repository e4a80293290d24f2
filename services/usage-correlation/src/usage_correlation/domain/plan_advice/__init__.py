"""Which plan suits what a subscriber really uses, and what would something planned cost?"""
