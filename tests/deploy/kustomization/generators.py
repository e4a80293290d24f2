"""Which ConfigMaps and Secrets does a kustomization make, and what is the hash that ends their names?"""

import base64
import hashlib
import json
from pathlib import Path

from kustomization.objects import Object, UnsupportedError, kind_and_name, refuse_unknown

HASHED = "kustomization.generated"
"""Marks an object whose name gets a hash at the very end; never rendered."""

_KNOWN = {"name", "literals", "envs", "behavior", "type"}


def generate(given: Object, folder: Path, objects: list[Object]) -> None:
    """Add what `configMapGenerator` and `secretGenerator` ask for, or merge it into what is there."""
    options = given.get("generatorOptions", {})
    refuse_unknown(options, {"disableNameSuffixHash"}, "generatorOptions")
    hashed = not options.get("disableNameSuffixHash", False)
    for entry in given.get("configMapGenerator", []):
        refuse_unknown(entry, _KNOWN - {"type"}, "configMapGenerator")
        _add(objects, entry, {"kind": "ConfigMap"}, _pairs(entry, folder), hashed=hashed)
    for entry in given.get("secretGenerator", []):
        refuse_unknown(entry, _KNOWN, "secretGenerator")
        data = {key: _base64(value) for key, value in _pairs(entry, folder).items()}
        made = {"kind": "Secret", "type": entry.get("type", "Opaque")}
        _add(objects, entry, made, data, hashed=hashed)


def name_hash(generated: Object) -> str:
    """The ten characters that kustomize puts behind the name: they change when the content does."""
    # https://github.com/kubernetes-sigs/kustomize/blob/master/api/hasher/hasher.go: SHA-256 over Go's JSON of
    # these keys (the name is always empty there); of the first ten hexadecimal digits, 0, 1, 3, a and e are
    # replaced, so that no word comes out.
    content = {"kind": generated["kind"], "name": "", "data": generated.get("data", "")}
    if generated["kind"] == "Secret":
        content["type"] = generated["type"]
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "&<>":  # Go escapes what HTML would take for markup
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    digest = hashlib.sha256(encoded.encode()).hexdigest()
    return digest[:10].translate(str.maketrans("013ae", "ghkmt"))


def _add(objects: list[Object], entry: Object, made: Object, data: dict[str, str], *, hashed: bool) -> None:
    behavior = entry.get("behavior", "create")
    there = [each for each in objects if kind_and_name(each) == (made["kind"], entry["name"])]
    if behavior == "merge" and there:
        there[0]["data"] = {**there[0].get("data", {}), **data}
    elif behavior == "create" and not there:
        content = {"data": data} if data else {}
        objects.append({"apiVersion": "v1", **made, "metadata": {"name": entry["name"]}, **content, HASHED: hashed})
    else:
        raise UnsupportedError(f"{behavior} of {entry['name']}, which is {'' if there else 'not '}there")


def _base64(value: str) -> str:
    # kustomize breaks what takes more than a line of 70, and hashes it with the line ends.
    encoded = base64.b64encode(value.encode()).decode()
    lines = [encoded[start : start + 70] for start in range(0, len(encoded), 70)]
    return encoded if len(encoded) < 70 else "".join(f"{line}\n" for line in lines)


def _pairs(entry: Object, folder: Path) -> dict[str, str]:
    lines = list(entry.get("literals", []))
    for env in entry.get("envs", []):
        text = (folder / env).read_text(encoding="utf-8").splitlines()
        lines += [line for line in map(str.lstrip, text) if line and not line.startswith("#")]
    pairs = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if not equals:
            raise UnsupportedError(f"{entry['name']}: {line!r} takes its value from the environment")
        pairs[key] = value
    return pairs
