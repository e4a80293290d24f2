"""What is a dispute, where can it go, and what settles it?"""
