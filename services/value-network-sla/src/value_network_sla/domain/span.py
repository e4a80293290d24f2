"""What is known of one piece of work that somebody did for a session?"""

from apportioning.span import PROVIDER, Span, SpanKind, is_partner

__all__ = ["PROVIDER", "Span", "SpanKind", "is_partner"]
