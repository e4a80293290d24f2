"""Does what the README shows work as it says?"""

import re
from pathlib import Path

import pytest
from adapters_samples import mapped, read

from usage_adapters.reading import Options
from usage_adapters.registry import HEAD_BYTES, detect, formats

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("content", [*blocks("csv"), *blocks("json")])
def test_an_example_is_of_the_format_that_its_section_names(content: str) -> None:
    form = detect(content.encode()[:HEAD_BYTES])
    (record,) = read(form.make(Options(source="pbx-1", time_zone="UTC")), content.encode()).records
    assert form.name.removesuffix("-csv") in README[: README.index(content)].rpartition("### ")[2].lower()
    assert record.subscription == "subscriptions/s-17"


def test_the_mapping_reads_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("msisdn,subscription\n436641,s-17\n")
    mapping = next(block for block in blocks("yaml") if "id: mediation" in block)
    (content,) = blocks("text")
    voice, data = read(mapped(mapping, mapping_folder=str(tmp_path)), content.encode()).records
    assert (voice.quantity, voice.destination, voice.subscription) == (62, "43664123456", "subscriptions/s-17")
    assert (data.quantity, data.record_id[:4]) == (512, "f-1/")


def test_every_format_is_in_the_table() -> None:
    assert [name for name in formats() if f"| `{name}` |" not in README] == []
