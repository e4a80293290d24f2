"""What follows from spans and agreements, by computation alone?"""
