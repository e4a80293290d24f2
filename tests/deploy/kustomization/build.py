"""In which order does a kustomization turn files into objects?"""

from pathlib import Path

import yaml

from kustomization import generators, patches, replacements, transformers
from kustomization.objects import Object, UnsupportedError, kind_and_name, read_objects, refuse_unknown

_KNOWN = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "components",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "patches",
    "labels",
    "replicas",
    "images",
    "replacements",
}


def build(folder: Path) -> list[Object]:
    """Everything that `kubectl kustomize folder` prints, in no promised order."""
    objects = _accumulate(folder, [])
    transformers.add_hashes(objects)
    return objects


def _accumulate(folder: Path, objects: list[Object]) -> list[Object]:
    given = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    refuse_unknown(given, _KNOWN, str(folder))
    # The order is kustomize's own: resources, components, generators, transformers, replacements last.
    for resource in given.get("resources", []):
        path = folder / resource
        _add(objects, _accumulate(path, []) if path.is_dir() else read_objects(path))
    for component in given.get("components", []):
        _accumulate(folder / component, objects)
    generators.generate(given, folder, objects)
    patches.apply(given.get("patches", []), folder, objects)
    transformers.transform(given, objects)
    replacements.apply(given.get("replacements", []), folder, objects)
    return objects


def _add(objects: list[Object], new: list[Object]) -> None:
    known = {kind_and_name(each) for each in objects}
    for each in new:
        if kind_and_name(each) in known:
            raise UnsupportedError(f"{' '.join(kind_and_name(each))} is there twice")
    objects += new
