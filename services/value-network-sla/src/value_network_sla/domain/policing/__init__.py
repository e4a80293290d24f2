"""Objectives of agreements: what is promised, how well it is kept, when somebody has to be told."""
