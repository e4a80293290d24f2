"""What does a kustomization change in every object: namespace, labels, replicas, images, hashed names?"""

from typing import Any

from kustomization.generators import HASHED, name_hash
from kustomization.objects import Object, UnsupportedError, containers, pod_template, refuse_unknown


def transform(given: Object, objects: list[Object]) -> None:
    """Apply `namespace`, `labels`, `replicas` and `images`."""
    if namespace := given.get("namespace"):
        _set_namespace(namespace, objects)
    for entry in given.get("labels", []):
        refuse_unknown(entry, {"pairs", "includeTemplates"}, "labels")
        for each in objects:
            _label(each, entry["pairs"], templates=entry.get("includeTemplates", False))
    for entry in given.get("replicas", []):
        _set_replicas(entry["name"], entry["count"], objects)
    for entry in given.get("images", []):
        refuse_unknown(entry, {"name", "newName", "newTag"}, "images")
        for each in objects:
            for container in containers(each):
                _set_image(container, entry)


def add_hashes(objects: list[Object]) -> None:
    """End the names of generated objects with their hash, where they stand and where they are referred to."""
    renamed = {}
    for each in objects:
        if each.pop(HASHED, False):
            name = each["metadata"]["name"]
            each["metadata"]["name"] = renamed[each["kind"], name] = f"{name}-{name_hash(each)}"
    for each in objects:
        if template := pod_template(each):
            _rename_references(template["spec"], renamed)


def _set_namespace(namespace: str, objects: list[Object]) -> None:
    for each in objects:
        if each["kind"] == "Namespace":
            each["metadata"]["name"] = namespace
        else:
            each["metadata"]["namespace"] = namespace


def _label(an_object: Object, pairs: dict[str, str], *, templates: bool) -> None:
    places = [an_object["metadata"]]
    template = pod_template(an_object)
    if templates and template is not None:
        places.append(template.setdefault("metadata", {}))
        places += [claim["metadata"] for claim in an_object["spec"].get("volumeClaimTemplates", [])]
    for metadata in places:
        metadata.setdefault("labels", {}).update(pairs)


def _set_replicas(name: str, count: int, objects: list[Object]) -> None:
    scaled = [
        each for each in objects if each["kind"] in {"Deployment", "StatefulSet"} and each["metadata"]["name"] == name
    ]
    if not scaled:
        raise UnsupportedError(f"replicas of {name}, which is not there")
    for each in scaled:
        each["spec"]["replicas"] = count


def _set_image(container: Object, entry: dict[str, str]) -> None:
    slash = container["image"].rfind("/")
    name, _, tag = container["image"].partition(":") if slash < 0 else _split(container["image"], slash)
    if name == entry["name"]:
        tag = entry.get("newTag", tag)
        container["image"] = entry.get("newName", name) + (f":{tag}" if tag else "")


def _split(image: str, slash: int) -> tuple[str, str, str]:
    name, colon, tag = image[slash:].partition(":")
    return image[:slash] + name, colon, tag


def _rename_references(node: Any, renamed: dict[tuple[str, str], str]) -> None:
    """Any: a node of YAML is a mapping, a list or a scalar."""
    if isinstance(node, list):
        for each in node:
            _rename_references(each, renamed)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in {"configMapRef", "configMapKeyRef", "configMap"}:
            value["name"] = renamed.get(("ConfigMap", value["name"]), value["name"])
        elif key in {"secretRef", "secretKeyRef"}:
            value["name"] = renamed.get(("Secret", value["name"]), value["name"])
        elif key == "secret":
            value["secretName"] = renamed.get(("Secret", value["secretName"]), value["secretName"])
        else:
            _rename_references(value, renamed)
