"""What is the password of this folder's server?"""

import os
import secrets
from pathlib import Path


def folder_password(folder: Path) -> str:
    """The password kept in the folder, readable by its owner alone; made on first use."""
    path = folder / "password"
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        password = secrets.token_urlsafe(24)
        write_private(path, password)
        return password


def write_private(path: Path, text: str | bytes) -> None:
    """Write a file that only its owner may read, in one step."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    data = text.encode() if isinstance(text, str) else text
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    draft.replace(path)
