"""How are patterns kept, evaluated and tried?"""
