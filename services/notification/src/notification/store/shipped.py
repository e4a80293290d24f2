"""Which templates does the service bring along? Those in `notification/templates`, one YAML file each."""

from collections.abc import Iterator
from importlib.resources import files

import yaml

from notification.domain.templates import LocalizedText, check_texts


def shipped_templates() -> Iterator[tuple[str, tuple[LocalizedText, ...]]]:
    """Ids and texts, checked: the id is the file's name, the texts are its list `texts`."""
    for file in sorted(files("notification").joinpath("templates").iterdir(), key=lambda each: each.name):
        template_id, dot, ending = file.name.rpartition(".")
        if (dot, ending) != (".", "yaml"):
            continue
        texts = tuple(LocalizedText(**each) for each in yaml.safe_load(file.read_text("utf-8"))["texts"])
        check_texts(texts)
        yield template_id, texts
