"""Why is a bill higher, or lower, than the one before?"""
