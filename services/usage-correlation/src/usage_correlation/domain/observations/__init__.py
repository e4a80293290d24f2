"""What is an observation, and what do patterns see of it?"""
