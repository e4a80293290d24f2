"""How do the spans of one trace hang together, once gaps, loops and wrong clocks are dealt with?"""

from apportioning.trace_tree import TraceTree, grow_tree

__all__ = ["TraceTree", "grow_tree"]
