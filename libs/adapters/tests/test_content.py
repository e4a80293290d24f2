"""Is content the same whether a file is compressed or not, is damage told, and does memory stay flat whatever comes?"""

import gzip
import io
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from adapters_samples import SAMPLES, USAGE_CSV, Sample

from usage_adapters import content as content_module
from usage_adapters.content import check_compressed, open_content, skip_to
from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import Mark, Options
from usage_adapters.registry import find

HEADER = USAGE_CSV.splitlines(keepends=True)[0]
ROW = b"msc-7,%09d,s-17,voice,2026-01-31T12:00:00Z,61,442071234567,,\r\n"


def test_a_compressed_file_is_read_like_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"  # gzip is told by its bytes
    whole = HEADER + b"".join(ROW % number for number in range(3000))
    file.write_bytes(gzip.compress(whole[:5000]) + gzip.compress(whole[5000:]))
    adapter = find("usage-csv").make(Options())
    check_compressed(file)
    with open_content(file) as content:
        chunks = list(adapter.read(content, Mark()))
        assert content.tell() == len(whole)
    assert [len(chunk.records) for chunk in chunks] == [1000, 1000, 1000]
    with open_content(file) as content:
        skip_to(content, chunks[1].end.offset)
        (rest,) = adapter.read(content, chunks[1].end)
    assert rest.records == chunks[2].records


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-20], lambda packed: packed[:-6] + b"xxxxxx", lambda packed: packed + b"junk"]
)
def test_a_damaged_file_is_refused_before_anything_is_read(tmp_path: Path, damage) -> None:
    file = tmp_path / "calls.gz"
    file.write_bytes(damage(gzip.compress(HEADER + ROW % 1 * 100)))
    with pytest.raises(FileRefusedError, match="compression is damaged"):
        check_compressed(file)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "calls.gz"
    file.write_bytes(gzip.compress(b"0" * 5_000_000))
    monkeypatch.setattr(content_module, "_FREE_BYTES", 100_000)
    with pytest.raises(FileRefusedError, match="more than 200 times its size"):
        check_compressed(file)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"BZh9", "bzip2"), (b"PK\x03\x04", "zip"), (b"\xfd7zXZ\x00", "xz"), ("a,b".encode("utf-16"), "UTF-16")],
)
def test_other_packings_are_told_by_name(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "calls"
    file.write_bytes(content)
    with pytest.raises(FileRefusedError, match=problem):
        open_content(file)


def test_content_that_shrank_is_refused() -> None:
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(FileRefusedError, match="shorter than what was read of it before"):
        skip_to(Once(b"abc"), 4)


PEAK = """
import sys
from pathlib import Path
from usage_adapters.content import open_content
from usage_adapters.reading import Mark, Options
from usage_adapters.registry import find
mapping = sys.argv[3] if len(sys.argv) > 3 else ""
adapter = find(sys.argv[1]).make(Options(source="pbx-1", time_zone="Europe/Vienna", mapping=mapping))
rows = 0
if adapter.has_totals:
    with open_content(Path(sys.argv[2])) as content:
        adapter.verify(content)
with open_content(Path(sys.argv[2])) as content:
    for chunk in adapter.read(content, Mark()):
        rows += chunk.rows
status = Path("/proc/self/status").read_text()
print(rows, next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""
"""Reads a file and says how many rows it had and the most kilobytes that the process ever had."""


def peak(sample: Sample, file: Path) -> tuple[int, int]:
    name = "mapping" if sample.options.mapping else sample.name
    arguments = [name, str(file), *([sample.options.mapping] if sample.options.mapping else [])]
    done = subprocess.run([sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True)
    rows, kilobytes = done.stdout.split()
    return int(rows), int(kilobytes)


def grown(sample: Sample, size: int) -> bytes:
    """A file of the sample's format that has about `size` bytes."""
    body = sample.content
    if sample.content[:1] == b"[":
        inner = body.strip()[1:-1]
        return b"[" + b",".join([inner] * (size // len(inner))) + b"]"
    if sample.name == "mediation":
        row = b"D;436642;;20260701120000;10;01;c2\n"
        count = size // len(row)
        return b"H;f-1;msc-9\n" + row * count + f"T;f-1;{count};{count * 10}\n".encode()
    if sample.name == "usage-csv":
        return HEADER + body.removeprefix(HEADER) * (size // len(body))
    return body * (size // len(body))


@pytest.mark.parametrize(
    "sample",
    [one for one in SAMPLES if one.name not in {"fixed", "freeswitch-csv", "events"}],
    ids=lambda sample: sample.name,
)
def test_memory_does_not_grow_with_the_file(sample: Sample, tmp_path: Path) -> None:
    peaks = []
    for number, size in enumerate((500_000, 5_000_000)):
        file = tmp_path / f"{number}"
        file.write_bytes(grown(sample, size))
        rows, kilobytes = peak(sample, file)
        assert rows > 1000
        peaks.append(kilobytes)
    assert peaks[1] < peaks[0] + 4_000


@pytest.mark.parametrize(
    ("name", "begin", "middle"),
    [
        ("usage-csv", HEADER, b"x"),
        ("usage-csv", HEADER + b'a,"', b"x" * 99 + b"\n"),
        ("usage-csv", HEADER, b'"' + b"x" * 99 + b"\n"),
        ("cloudevents", b"[{", b'"x":1,'),
        ("cloudevents", b'[{"x":"', b"\\\\x"),
        ("cloudevents", b"[", b"1"),
        ("cloudevents", b"{", b"x"),
        ("quarantine", b"", b"x"),
    ],
    ids=["line", "cell", "quotes", "object", "string", "number", "event", "entry"],
)
def test_memory_does_not_grow_with_one_giant_row(name: str, begin: bytes, middle: bytes, tmp_path: Path) -> None:
    packed = zlib.compressobj(wbits=31)
    file = tmp_path / "giant.gz"
    block = middle * (1_000_000 // len(middle))
    file.write_bytes(b"".join([packed.compress(begin), *(packed.compress(block) for _ in range(10)), packed.flush()]))
    done = subprocess.run([sys.executable, "-c", PEAK, name, str(file)], capture_output=True, text=True, check=False)
    if done.returncode:  # a list without end is refused, after all of it was read
        assert done.stderr.strip().splitlines()[-1].startswith("usage_adapters.errors.FileRefusedError")
        limited = subprocess.run(
            [sys.executable, "-c", PEAK.replace("rows = 0", LIMIT), name, str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert limited.stderr.strip().splitlines()[-1] == done.stderr.strip().splitlines()[-1]
    else:
        assert int(done.stdout.split()[1]) < FEW_KILOBYTES


FEW_KILOBYTES = 130_000
"""The interpreter, the contracts and a chunk or two; the giant alone would be another 10,000 and more."""
LIMIT = """
import resource
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 8_000_000, taken + 8_000_000))
rows = 0
"""
"""Lets the process take 8 MB more than it has."""
