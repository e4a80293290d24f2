"""The frame of every process: what a service defines, how it starts and how it stops."""

from mesh.service.definition import Application, Job, Listener, Runtime, ServiceDefinition
from mesh.service.main import main
from mesh.service.running import MigrationsPending, RunningService, start

__all__ = [
    "Application",
    "Job",
    "Listener",
    "MigrationsPending",
    "RunningService",
    "Runtime",
    "ServiceDefinition",
    "main",
    "start",
]
