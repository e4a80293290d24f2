"""What is asked of closed sessions and their spans: who made them slow, and what if."""
