"""How does a decision leave the house, so that whoever is charged by it can work it out again?"""
