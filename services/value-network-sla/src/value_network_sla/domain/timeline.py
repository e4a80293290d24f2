"""When did each part of a session happen, inside which other part?"""

from apportioning.timeline import Timeline, timeline_of

__all__ = ["Timeline", "timeline_of"]
