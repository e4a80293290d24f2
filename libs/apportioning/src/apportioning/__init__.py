"""Who answers for which part of what a session, a window or a period cost, and can anybody check it?"""
