"""Which adapter does a mapping file make, whatever layout it declares?"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, Final

from usage_adapters.cloudevents import CloudEvents
from usage_adapters.control import Control
from usage_adapters.mapping.compile import Compiler
from usage_adapters.mapping.document import load_document
from usage_adapters.reading import Adapter, Format, Options

NAME: Final = "mapping"
_DECLARED: Final = re.compile(r"""^format:\s*["']?([a-z0-9/-]+)""", re.MULTILINE)
_OTHERS: Final = {
    "cxmesh-tap/1": "usage_adapters.tap.adapter",
    "cxmesh-rating-groups/1": "usage_adapters.charging.adapter",
}
"""Documents of formats that need one without being laid out by it."""


def make(options: Options) -> Adapter:
    """The adapter of `options.mapping`. Raises MappingRefusedError or OptionError."""
    declared = _DECLARED.search(options.mapping)
    if declared is not None and declared[1] in _OTHERS:
        module: Any = import_module(_OTHERS[declared[1]])  # Any: modules of formats have no common type
        other: Adapter = module.make(options)
        return other
    document, source = load_document(options.mapping, options)
    compiler = Compiler(document, source, options)
    if compiler.kind != "cloudevents":
        return compiler.adapter()
    if "control" in document:
        source.refuse(("control",), "control", "nothing: events have no control records", at_key=True)
    rules = compiler.rules(None, Control())
    plan = compiler.plan(rules)
    source.finish()
    return CloudEvents(compiler.name, plan, tuple(rules.used), is_mapped=True, fingerprint=compiler.fingerprint())


FORMATS: Final = (Format(NAME, "what --mapping declares", lambda _: 0.0, make),)
