"""Which objects does a text hold, and which of them is meant by a reference?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from value_network_sla.domain.policing.openslo.reader import NAME, NAME_EXPECTED, Reader
from value_network_sla.domain.policing.openslo.tree import Kind, Node

OPENSLO: Final = "openslo/v1"
OURS: Final = "cxmesh/v1"
SLO: Final = "SLO"
SLI: Final = "SLI"
DATA_SOURCE: Final = "DataSource"
ALERT_POLICY: Final = "AlertPolicy"
ALERT_CONDITION: Final = "AlertCondition"
ALERT_TARGET: Final = "AlertNotificationTarget"
SERVICE: Final = "Service"
AGREEMENT_TERMS: Final = "AgreementTerms"
_VERSIONS: Final = {
    **dict.fromkeys((SLO, SLI, DATA_SOURCE, ALERT_POLICY, ALERT_CONDITION, ALERT_TARGET, SERVICE), OPENSLO),
    AGREEMENT_TERMS: OURS,
}
_NAMED_STRICTLY: Final = frozenset({SLO, SERVICE, AGREEMENT_TERMS})
"""Their names become names of ours."""
_WIDE_NAME: Final = re.compile(r"[A-Za-z0-9._|/\\ -]{1,255}")
ANNOTATIONS: Final = "cxmesh.io/"
"""Prefix of the annotations that mean something here; others are left alone."""


@dataclass(frozen=True, slots=True)
class Object:
    """One object, in the text on its own or within another."""

    kind: str
    name: str
    display_name: str
    node: Node
    spec: Node
    annotations: Mapping[str, Node]
    """Ours, by name without prefix."""


class Catalogue:
    """The objects of a text by kind and name."""

    def __init__(self, reader: Reader, documents: Sequence[Node]) -> None:
        self._reader = reader
        self._objects: dict[tuple[str, str], Object] = {}
        for document in documents:
            found = self.read(document)
            if found is None:
                continue
            if (found.kind, found.name) in self._objects:
                expected = f"each {found.kind} once"
                reader.refuse(document.get("metadata", "name") or document, expected)
            self._objects[found.kind, found.name] = found

    def all(self, kind: str) -> Sequence[Object]:
        """Those of a kind, in the order of the text."""
        return [found for (of_kind, _), found in self._objects.items() if of_kind == kind]

    def find(self, kind: str, reference: Node) -> Object | None:
        """The one that a name refers to; None, with a note, when the text has none."""
        found = self._objects.get((kind, reference.text)) if reference.kind is Kind.TEXT else None
        if found is None:
            self._reader.refuse(reference, f"the name of a {kind} of the same text")
        return found

    def read(self, node: Node, inline: str | None = None) -> Object | None:
        """The object that a value is; one within another needs no version and, where only one kind fits, no kind."""
        envelope = ("metadata", "spec") if inline else ("apiVersion", "kind", "metadata", "spec")
        if not self._reader.mapping(node, envelope, ("apiVersion", "kind") if inline else ()):
            return None
        kind = self._kind(node, inline)
        metadata, spec = node.get("metadata"), node.get("spec")
        if kind is None or metadata is None or spec is None:
            return None
        named = self._reader.mapping(metadata, ("name",), ("displayName", "labels", "annotations"))
        annotations = self._annotations(metadata.get("annotations"))
        self._check_labels(metadata.get("labels"))
        name = self._name(kind, metadata.get("name"))
        if not named or name is None:
            return None
        display_name = self._reader.text(metadata.get("displayName"), most=200) or name
        return Object(kind, name, display_name, node, spec, annotations)

    def _kind(self, node: Node, inline: str | None) -> str | None:
        wanted, version = node.get("kind"), node.get("apiVersion")
        kind = inline if wanted is None else wanted.text
        if wanted is not None and (kind not in _VERSIONS or (inline is not None and kind != inline)):
            self._reader.refuse(wanted, f"one of {', '.join(_VERSIONS)}" if inline is None else inline)
            return None
        if kind is not None and version is not None and version.text != _VERSIONS[kind]:
            self._reader.refuse(version, f"{_VERSIONS[kind]}, in which a {kind} is written here")
            return None
        return kind

    def _name(self, kind: str, node: Node | None) -> str | None:
        if node is None:
            return None
        strictly = kind in _NAMED_STRICTLY
        if node.kind not in {Kind.TEXT, Kind.NUMBER} or not (NAME if strictly else _WIDE_NAME).fullmatch(node.text):
            self._reader.refuse(node, NAME_EXPECTED if strictly else "a name of up to 255 characters")
            return None
        return node.text

    def _annotations(self, node: Node | None) -> Mapping[str, Node]:
        if node is None:
            return {}
        if node.fields is None:
            self._reader.refuse(node, "a mapping")
            return {}
        for value in node.fields.values():
            if value.kind in {Kind.LIST, Kind.MAPPING, Kind.NOTHING}:
                self._reader.refuse(value, "a text")
        return {
            key.removeprefix(ANNOTATIONS): value for key, value in node.fields.items() if key.startswith(ANNOTATIONS)
        }

    def _check_labels(self, node: Node | None) -> None:
        if node is None:
            return
        if node.fields is None:
            self._reader.refuse(node, "a mapping")
            return
        for value in node.fields.values():
            if value.kind in {Kind.MAPPING, Kind.NOTHING}:
                self._reader.refuse(value, "a text or a list of texts")

    def check_annotations(self, found: Object, known: Sequence[str]) -> None:
        """Note annotations of ours that nobody knows: a slip in their name must not go unnoticed."""
        for name, node in found.annotations.items():
            if name not in known:
                expected = f"one of {', '.join(ANNOTATIONS + each for each in known)}" if known else "none of ours here"
                self._reader.refuse(node, expected, ANNOTATIONS + name)
