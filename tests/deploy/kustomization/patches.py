"""How does a patch, strategic or by JSON pointer, change an object?"""

import copy
from pathlib import Path
from typing import Any

import yaml

from kustomization.objects import Object, UnsupportedError, kind_and_name, refuse_unknown, selected

# A list under one of these keys is merged element by element, told apart by this field; others are replaced.
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ says so as "patch merge key".
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
}


def apply(entries: list[Object], folder: Path, objects: list[Object]) -> None:
    """Apply every entry of `patches` to the objects that it targets."""
    for entry in entries:
        refuse_unknown(entry, {"path", "patch", "target"}, "patches")
        text = entry["patch"] if "patch" in entry else (folder / entry["path"]).read_text(encoding="utf-8")
        if text.lstrip().startswith("["):  # kustomize takes this for JSON, whose keys are quoted
            raise UnsupportedError("operations that are no YAML block")
        for patch in filter(None, yaml.safe_load_all(text)):
            _apply(patch, entry.get("target"), objects)


def _apply(patch: Any, target: dict[str, str] | None, objects: list[Object]) -> None:
    """Any: a list of operations, or a partial object."""
    if target is None:
        if isinstance(patch, list):
            raise UnsupportedError("operations without a target")
        found = [each for each in objects if kind_and_name(each) == kind_and_name(patch)]
    else:
        found = list(selected(objects, target, exact=False))
    if not found:
        raise UnsupportedError(f"the patch of {target or kind_and_name(patch)} matches nothing")
    for each in found:
        if isinstance(patch, list):
            for operation in patch:
                _operate(each, operation)
        else:
            own = {key: value for key, value in patch.items() if key not in {"apiVersion", "kind", "metadata"}}
            metadata = {key: value for key, value in patch.get("metadata", {}).items() if key != "name"}
            _merge(each, {**own, **({"metadata": metadata} if metadata else {})})


def _merge(into: Object, changes: Object) -> None:
    for key, value in changes.items():
        if key == "$patch":
            raise UnsupportedError("$patch directives")
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif isinstance(value, list) and key in _MERGE_KEYS and key in into:
            _merge_list(into[key], value, _MERGE_KEYS[key])
        else:
            into[key] = copy.deepcopy(value)


def _merge_list(into: list[Object], changes: list[Object], merge_key: str) -> None:
    new = []
    for change in changes:
        for there in into:
            if there[merge_key] == change[merge_key]:
                _merge(there, change)
                break
        else:
            new.append(copy.deepcopy(change))
    into[:0] = new  # kustomize puts new elements first


def _operate(an_object: Object, operation: Object) -> None:
    refuse_unknown(operation, {"op", "path", "value"}, "operation")
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    node: Any = an_object
    for part in way:
        node = node[int(part)] if isinstance(node, list) else node[part]
    act, value = operation["op"], copy.deepcopy(operation.get("value"))
    if isinstance(node, list):
        _operate_on_list(node, act, last, value)
    elif act == "add":
        node[last] = value
    elif act not in {"replace", "remove"} or last not in node:
        raise UnsupportedError(f"{act} {operation['path']} in {' '.join(kind_and_name(an_object))}")
    elif act == "replace":
        node[last] = value
    else:
        del node[last]


def _operate_on_list(node: list[Any], act: str, last: str, value: Any) -> None:
    if act == "add":
        node.insert(len(node) if last == "-" else int(last), value)
    elif act == "replace":
        node[int(last)] = value
    elif act == "remove":
        del node[int(last)]
    else:
        raise UnsupportedError(act)
