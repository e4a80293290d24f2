"""What do periods come to, who objects to it, and what became of that?"""
