"""How late was a session, and who answers for which part of it?"""

from apportioning.apportionment import ON_TIME, Apportionment, Game, Player, apportion, play

__all__ = ["ON_TIME", "Apportionment", "Game", "Player", "apportion", "play"]
