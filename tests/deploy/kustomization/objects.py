"""What is a Kubernetes object here, and how is one told from another?"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
"""One Kubernetes object as YAML gives it: its values may be anything, hence Any."""


class UnsupportedError(Exception):
    """The kustomization uses something that this renderer does not know."""


def read_objects(path: Path) -> list[Object]:
    """All documents of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def kind_and_name(an_object: Object) -> tuple[str, str]:
    """What identifies an object within one namespace."""
    return an_object["kind"], an_object["metadata"]["name"]


def refuse_unknown(given: Object, known: set[str], where: str) -> None:
    """Raise UnsupportedError if `given` has a key that is not known."""
    if unknown := set(given) - known:
        raise UnsupportedError(f"{where}: {', '.join(sorted(unknown))}")


def selected(objects: list[Object], selector: dict[str, str], *, exact: bool) -> Iterator[Object]:
    """The objects that a `target` (anchored regular expressions) or a `select` (exact words) means."""
    refuse_unknown(selector, {"kind", "name", "labelSelector"}, "selector")
    label, _, wanted_label = selector.get("labelSelector", "").partition("=")
    for candidate in objects:
        kind, name = kind_and_name(candidate)
        pairs = [(selector.get("kind"), kind), (selector.get("name"), name)]
        fits = all(not want or (want == is_ if exact else re.fullmatch(want, is_)) for want, is_ in pairs)
        if fits and (not label or candidate["metadata"].get("labels", {}).get(label) == wanted_label):
            yield candidate


def pod_template(an_object: Object) -> Object | None:
    """The pod template of a Deployment, StatefulSet, DaemonSet or Job; None for anything else."""
    if an_object["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
        template: Object = an_object["spec"]["template"]
        return template
    return None


def containers(an_object: Object) -> Iterator[Object]:
    """Every container of the object's pods, those of initialisation first."""
    template = pod_template(an_object)
    if template is not None:
        yield from template["spec"].get("initContainers", [])
        yield from template["spec"]["containers"]
