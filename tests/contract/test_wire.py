"""Do messages look on the wire as ever? Recorded once (`python -m tests.contract.samples`), never changed."""

from __future__ import annotations

import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from tests.contract.samples import Golden, golden_files, golden_of, message_types

RECORDED = {name: golden for messages in golden_files().values() for name, golden in messages.items()}


def test_every_message_has_a_golden_form():
    missing = sorted(set(message_types()) - set(RECORDED))
    assert not missing, "run `python -m tests.contract.samples` for new messages"


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_recorded_message_is_read_and_written_as_ever(name: str):
    golden: Golden = RECORDED[name]
    message_class = GetMessageClass(message_types()[name])
    from_binary = message_class.FromString(bytes.fromhex(golden["binary"]))
    from_json = json_format.ParseDict(golden["json"], message_class())
    assert from_binary == from_json
    assert golden_of(from_binary) == golden
