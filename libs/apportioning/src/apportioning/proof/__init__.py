"""Do the promised properties hold, on sessions drawn at random?"""
