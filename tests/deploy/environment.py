"""Which environment does a workload's container see?"""

import base64

from kustomization import Object
from kustomization.objects import containers

POD_NAME = "the-pods-name"


def environment_of(objects: list[Object], workload: str, kind: str = "Deployment") -> dict[str, str]:
    """Variable to value, as Kubernetes makes it; a Secret that is not rendered gives its key's name."""
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, workload)]
    (container,) = containers(found)
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "secretRef" in source:
            assert source["secretRef"]["optional"], "a Secret that is not ours to render"
        else:
            environment |= _data(objects, "ConfigMap", source["configMapRef"]["name"])
    for variable in container.get("env", []):
        environment[variable["name"]] = variable.get("value") or _value(objects, variable["valueFrom"])
    return environment


def _value(objects: list[Object], source: Object) -> str:
    if source.get("fieldRef", {}).get("fieldPath") == "metadata.name":
        return POD_NAME
    secret = source["secretKeyRef"]
    encoded = _data(objects, "Secret", secret["name"]).get(secret["key"])
    return secret["key"] if encoded is None else base64.b64decode(encoded).decode()


def _data(objects: list[Object], kind: str, name: str) -> dict[str, str]:
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    if not found and kind == "ConfigMap":
        raise LookupError(f"{kind} {name} is not rendered")
    return found[0].get("data", {}) if found else {}
