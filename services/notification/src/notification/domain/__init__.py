"""Messages, templates, and who may be reached how and when: pure."""
