"""How the Python in libs/contracts is made from protos/: `make gen`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "protos" / "api"
VENDOR = ROOT / "protos" / "vendor"
OUTPUT = ROOT / "libs" / "contracts" / "src"


def generate(output: Path) -> None:
    """Write the messages, stubs and type hints of every contract into `output`, replacing what was there."""
    for package in ("cxmesh", "buf"):
        shutil.rmtree(output / package, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    files = sorted(str(path.relative_to(API)) for path in API.rglob("*.proto"))
    services = [name for name in files if name.endswith("_service.proto")]
    # No package publishes Python for protovalidate's options, and ours import them.
    _protoc([*files, "buf/validate/validate.proto"], f"--python_out={output}", f"--mypy_out={output}")
    _protoc(services, f"--grpc_python_out={output}", f"--mypy_grpc_out={output}")
    for folder in {(output / name).parent for name in files}:
        (folder / "py.typed").touch()


def _protoc(files: list[str], *options: str) -> None:
    well_known = Path(protoc.__file__).parent / "_proto"
    includes = [f"-I{path}" for path in (API, VENDOR, well_known)]
    command = [sys.executable, "-m", "grpc_tools.protoc", *includes, *options, *files]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the mypy plugins are
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    if done.returncode != 0:
        sys.exit(f"protoc failed with status {done.returncode}:\n{done.stderr}")


if __name__ == "__main__":
    generate(OUTPUT)
    print(f"Generated {len(list(OUTPUT.rglob('*_pb2.py')))} modules in {OUTPUT.relative_to(ROOT)}")
