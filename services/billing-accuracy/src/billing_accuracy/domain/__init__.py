"""What a right bill is, and what is wrong with one: pure, exact, without I/O."""
