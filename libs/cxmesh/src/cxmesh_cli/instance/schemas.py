"""Which services have brought their schemas up to date in this instance's database, and at which version?"""

import json
import threading

from cxmesh_cli.instance.home import Home, write_atomically
from cxmesh_cli.instance.starting import version_of
from cxmesh_cli.topology import MeshService


class Schemas:
    """What is noted here may be behind the truth, so it only ever saves work: services check for themselves."""

    def __init__(self, home: Home) -> None:
        self._file = home.migrated_file
        self._writing = threading.Lock()
        self._versions = self._read()

    def is_migrated(self, service: MeshService) -> bool:
        return self._versions.get(service.name) == version_of(service.distribution)

    def note_migrated(self, service: MeshService) -> None:
        with self._writing:
            self._versions[service.name] = version_of(service.distribution)
            write_atomically(self._file, json.dumps(self._versions) + "\n")

    def _read(self) -> dict[str, str]:
        try:
            versions = json.loads(self._file.read_text("utf-8"))
        except (FileNotFoundError, ValueError):  # then every service migrates, which is always right
            return {}
        return versions if isinstance(versions, dict) else {}
