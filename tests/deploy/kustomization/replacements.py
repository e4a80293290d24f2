"""Where does a value of one object go in others?"""

import re
from pathlib import Path
from typing import Any

import yaml

from kustomization.objects import Object, UnsupportedError, kind_and_name, refuse_unknown, selected

_PART = re.compile(r"\[([^\]]+)\]|([^.\[\]]+)")


def apply(entries: list[Object], folder: Path, objects: list[Object]) -> None:
    """Apply every entry of `replacements`, from files too."""
    for entry in entries:
        if "path" in entry:
            apply(yaml.safe_load((folder / entry["path"]).read_text(encoding="utf-8")), folder, objects)
        else:
            refuse_unknown(entry, {"source", "targets"}, "replacements")
            value = _read(entry["source"], objects)
            for target in entry["targets"]:
                _write(value, target, objects)


def _read(source: Object, objects: list[Object]) -> str:
    refuse_unknown(source, {"kind", "name", "fieldPath"}, "source")
    found = list(selected(objects, {k: v for k, v in source.items() if k != "fieldPath"}, exact=True))
    if len(found) != 1:
        raise UnsupportedError(f"{len(found)} objects match the source {source}")
    *way, last = _parts(source["fieldPath"])
    value = _descend(found[0], way)[last]
    if not isinstance(value, str):
        raise UnsupportedError(f"{source['fieldPath']} is no text")
    return value


def _write(value: str, target: Object, objects: list[Object]) -> None:
    refuse_unknown(target, {"select", "fieldPaths", "options"}, "targets")
    options = target.get("options", {})
    refuse_unknown(options, {"delimiter", "index"}, "options")
    found = list(selected(objects, target["select"], exact=True))
    if not found:
        # kustomize says nothing here; a selector that matches nothing is a slip all the same.
        raise UnsupportedError(f"{target['select']} matches nothing")
    for each in found:
        for path in target["fieldPaths"]:
            *way, last = _parts(path)
            try:
                node = _descend(each, way)
                key = int(last) if isinstance(node, list) else last
                node[key] = _put(node[key], value, options)
            except (KeyError, IndexError) as missing:
                raise UnsupportedError(f"{' '.join(kind_and_name(each))} has no {path}") from missing


def _put(there: str, value: str, options: Object) -> str:
    if not options:
        return value
    pieces = there.split(options["delimiter"])
    pieces[options.get("index", 0)] = value
    return str(options["delimiter"].join(pieces))


def _parts(path: str) -> list[str]:
    return [bracketed or plain for bracketed, plain in _PART.findall(path)]


def _descend(node: Any, way: list[str]) -> Any:
    """Any: a node of YAML is a mapping, a list or a scalar."""
    for part in way:
        if isinstance(node, dict):
            node = node[part]
        elif "=" in part:
            key, _, wanted = part.partition("=")
            matching = [each for each in node if each.get(key) == wanted]
            if not matching:
                raise KeyError(part)
            node = matching[0]
        else:
            node = node[int(part)]
    return node
