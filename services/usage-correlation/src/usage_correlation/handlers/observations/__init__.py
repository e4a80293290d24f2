"""How are observations taken in?"""
