"""Which parts of a session determined how long it took, and for how much of it?"""

from apportioning.critical_path import CriticalPath, Section, critical_path

__all__ = ["CriticalPath", "Section", "critical_path"]
