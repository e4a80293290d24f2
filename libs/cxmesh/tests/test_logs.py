"""Are logs readable, in the order of time, and followed without losing a line?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxmesh_cli.instance.home import Home
from cxmesh_cli.loglines import in_order, parse, tail, tail_text
from cxmesh_cli.logwatch import Filter, Follower

Cxmesh = Callable[..., Any]


def entry(second: int, event: str, level: str = "info", **fields: object) -> str:
    return json.dumps({"time": f"2026-01-31T12:00:{second:02}.000000Z", "level": level, "event": event, **fields})


def test_a_line_shows_level_event_and_fields_and_keeps_what_is_no_json() -> None:
    line = parse("profile", entry(1, "serving", version="0.1.0", ports=[1, 2], exception="Trace\nback"))
    shown = line.as_text().plain
    assert "profile            info     serving version=0.1.0 ports=[1, 2]" in shown
    assert shown.endswith("\n    Trace\n    back")
    assert parse("profile", "Fatal Python error").as_text().plain.endswith("profile            Fatal Python error")
    for odd in ("3", "[]", '{"no": "time"}', '{"time": "yesterday", "event": "x"}'):
        assert parse("profile", odd).raw == odd


def test_the_lines_of_several_services_are_in_the_order_of_time() -> None:
    lines = [parse("a", entry(1, "one")), parse("a", "  its traceback"), parse("a", entry(4, "four"))]
    lines += [parse("b", entry(2, "two")), parse("b", entry(3, "three"))]
    assert [line.event or line.raw for line in in_order(lines)] == ["one", "  its traceback", "two", "three", "four"]


@pytest.mark.parametrize("count", [0, 1, 3, 2000, 5000])
def test_the_end_of_a_long_log_is_read_whole(tmp_path: Path, count: int) -> None:
    lines = [f"line {number} {'ü' * 50}" for number in range(3000)]
    log = tmp_path / "long.log"
    log.write_text("\n".join(lines) + "\n")
    assert tail(log, count) == (lines[-count:] if count else [])


def test_the_end_of_no_log_is_told(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log", 3) == []
    assert tail_text("profile", tmp_path / "none.log").splitlines()[1] == "(it is empty)"


def test_new_lines_come_once_each_and_only_when_they_are_complete(tmp_path: Path) -> None:
    log = tmp_path / "profile.log"
    follower = Follower("profile", log)
    assert follower.last(10) == []
    assert follower.new() == []
    log.write_text("one\ntwo\nthr")
    assert [line.raw for line in follower.new()] == ["one", "two"]
    with log.open("a") as file:
        file.write("ee\n")
    assert [line.raw for line in follower.new()] == ["three"]
    assert follower.new() == []


def test_a_log_that_was_set_aside_or_cut_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "profile.log"
    log.write_text("one\ntwo\n")
    follower = Follower("profile", log)
    assert [line.raw for line in follower.last(1)] == ["two"]
    log.rename(tmp_path / "profile.log.1")
    log.write_text("three\n")
    assert [line.raw for line in follower.new()] == ["three"]
    log.write_text("4\n")
    assert [line.raw for line in follower.new()] == ["4"]


def test_lines_are_kept_by_pattern_and_level() -> None:
    lines = [parse("a", entry(1, "quiet", "debug")), parse("a", entry(2, "Loud", "error")), parse("a", "plain loud")]
    assert [line.raw for line in lines if Filter.of("loud", "").passes(line)] == [lines[1].raw, "plain loud"]
    assert [line.event for line in lines if Filter.of("", "warning").passes(line)] == ["Loud"]


def test_the_command_prints_logs_of_all_or_some(home: Home, cxmesh: Cxmesh) -> None:
    home.log_of("profile").write_text(entry(2, "second") + "\n")
    home.log_of("notification").write_text(entry(1, "first") + "\n" + entry(3, "third", "error") + "\n")
    assert [line.split()[3] for line in cxmesh("logs").out.splitlines()] == ["first", "second", "third"]
    assert "second" not in cxmesh("logs", "notification").out
    assert json.loads(cxmesh("logs", "--json", "--level", "error").out)["event"] == "third"
    assert "third" in cxmesh("logs", "-n", "1", "notification", "--grep", "THIRD").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--grep", "("), "is not a regular expression"),
        (("--level", "loud"), "there is no level 'loud'"),
        (("profil",), "there is no service 'profil'"),
    ],
)
def test_wrong_options_are_told(cxmesh: Cxmesh, arguments: tuple[str, ...], message: str) -> None:
    ended = cxmesh("logs", *arguments)
    assert ended.code == 2
    assert message in ended.err
