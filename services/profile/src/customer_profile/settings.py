"""What may be set from outside the profile service?"""

from mesh.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has; the profile needs nothing else, and asks no other service."""
