"""Where do the charges between networks go that stand beside the usage in a roaming file?"""

import json
import os
from io import StringIO
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from cxmesh_cli.errors import BadInputError
from usage_adapters.content import open_content
from usage_adapters.reading import Adapter, Mark, Options
from usage_adapters.tap.adapter import NAME
from usage_adapters.tap.wholesale import WholesaleCharge, wholesale_charges, write_wholesale


class WholesaleFile:
    """JSON Lines of the charges of all files of a command; there under its name when they all are in it."""

    def __init__(self, path: Path, options: Options) -> None:
        """Raises BadInputError when nothing can be written there."""
        self._path = path
        self._options = options
        self._part = path.with_name(f"{path.name}.part")
        self.charges = 0
        try:
            self._text = self._part.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise BadInputError(f"{path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """What is not whole takes no earlier file's place."""
        if kind is None:
            self._text.flush()
            os.fsync(self._text.fileno())
        self._text.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    @staticmethod
    def check(adapter: Adapter, file: str) -> None:
        """Raises BadInputError for a format that has no such charges."""
        if adapter.name != NAME:
            raise BadInputError(f"{file} is {adapter.name}: only {NAME} files have wholesale charges")

    def add(self, file: Path, adapter: Adapter) -> None:
        """The charges of a file that was taken in whole, also if that was done by an earlier command.

        Each stands by itself: with its number within its event, and whose usage the event is, so that a line alone can
        be repaired and sent again. The subscription is empty where the event became no usage record.
        """
        with open_content(file) as content:
            subscriptions = _subscriptions(adapter, content)
        with open_content(file) as content:
            for _, event in groupby(wholesale_charges(content, self._options), lambda charge: charge.place):
                for sequence, charge in enumerate(event, start=1):
                    more = {"sequence": sequence, "subscription": subscriptions.get(charge.record_id, "")}
                    self._text.write(json.dumps(_row(charge) | more, separators=(",", ":")) + "\n")
                    self.charges += 1


def _subscriptions(adapter: Adapter, content: BinaryIO) -> dict[str, str]:
    """Whose usage each event is, by what its records have in common: `x` of `x:1` and `x:2`."""
    return {
        record.record_id.partition(":")[0]: record.subscription
        for chunk in adapter.read(content, Mark())
        for record in chunk.records
    }


def _row(charge: WholesaleCharge) -> dict[str, object]:
    """As the adapter writes it, so that amounts are told in one way."""
    line = StringIO()
    write_wholesale([charge], line)
    row: dict[str, object] = json.loads(line.getvalue())
    return row
