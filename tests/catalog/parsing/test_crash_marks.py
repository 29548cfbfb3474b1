"""Marks: what stops a parser is not tried again at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from msrv.catalog.parsing.crash_marks import RETRY_SECONDS, CrashMarks
from msrv.catalog.parsing.errors import ParserCrashed
from tests.catalog.parsing import hostile_parser
from tests.catalog.parsing.hostile_parser import helper_id, run

CRASHES = "import ctypes; ctypes.string_at(0)"
HANGS = "import time; time.sleep(3600)"
KEY = bytes(range(32))
DAYS = 86_400 * 1000


class Clock:
    """Unix time, as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def marks(tmp_path: Path, clock: Clock, versions: str = "1") -> CrashMarks:
    return CrashMarks(
        tmp_path / "parsing", versions=lambda: versions, clock=clock
    )


def test_a_crash_is_not_repeated_and_not_after_a_restart(
    tmp_path: Path,
) -> None:
    """One file has the parser crash for as long as it lies there."""
    with hostile_parser.parser(tmp_path) as parser:
        with pytest.raises(
            ParserCrashed, match=r"crashes its parser.*SIGSEGV"
        ):
            run(parser, CRASHES)
        with pytest.raises(ParserCrashed):
            run(parser, CRASHES)
        assert parser._process is None
        # Another file, and what replaces this one, is parsed.
        assert run(parser, "said = 1") == "1"
    with hostile_parser.parser(tmp_path) as parser:
        with pytest.raises(ParserCrashed, match="SIGSEGV"):
            run(parser, CRASHES)
        assert parser._process is None


def test_a_helper_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """A kill -9 ends all covers, or blames a good file for ever."""
    clock = Clock()
    found: list[ParserCrashed] = []

    def ask() -> None:
        try:
            run(parser, HANGS)
        except ParserCrashed as error:
            found.append(error)

    with hostile_parser.parser(marks=marks(tmp_path, clock)) as parser:
        parser.start()
        asking = threading.Thread(target=ask)
        asking.start()
        _wait_for_mark(tmp_path / "parsing")
        os.kill(helper_id(parser), signal.SIGKILL)
        asking.join(60)
        assert "was killed" in found[0].reason
        assert run(parser, "said = 1") == "1"
        with pytest.raises(ParserCrashed, match="was killed"):
            run(parser, HANGS)
        assert parser.holds(hostile_parser.sha256(HANGS))
        assert not parser.is_retry_due()
        clock.now += RETRY_SECONDS[0] + 1
        assert parser.is_retry_due()
        assert not parser.holds(hostile_parser.sha256(HANGS))


def _wait_for_mark(folder: Path) -> None:
    """Wait until a file is being tried, which is written down before that."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for path in folder.glob("now-*"):
            if path.read_bytes().strip():
                return
        time.sleep(0.01)
    pytest.fail("nothing is being parsed")


def test_what_hangs_is_killed_by_its_time_out(tmp_path: Path) -> None:
    """One file stops the library from being read, until someone restarts."""
    with hostile_parser.parser(tmp_path, seconds=1) as parser:
        with pytest.raises(ParserCrashed, match="too long"):
            run(parser, HANGS)
        assert run(parser, "said = 1") == "1"


def test_a_store_that_is_killed_has_marked_what_it_tried(
    tmp_path: Path,
) -> None:
    """A cover that takes the container's memory ends it at each start.

    A good file that was being read when the machine lost its power is tried
    again later.
    """
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from tests.catalog.parsing import hostile_parser\n"
        f"parser = hostile_parser.parser(Path({str(tmp_path)!r}))\n"
        f"hostile_parser.run(parser, {HANGS!r})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as store:
        _wait_for_mark(tmp_path / "parsing")
        store.send_signal(signal.SIGKILL)
        store.wait()
    with hostile_parser.parser(tmp_path) as parser:
        with pytest.raises(ParserCrashed, match="when the store was killed"):
            run(parser, HANGS)
        assert parser._process is None
        assert run(parser, "said = 1") == "1"
    clock = Clock()
    clock.now = time.time() + RETRY_SECONDS[0] + 1
    later = CrashMarks(tmp_path / "parsing", clock=clock)
    assert later.find(hostile_parser.sha256(HANGS)) is None
    later.close()


def test_a_store_that_stops_condemns_nothing(tmp_path: Path) -> None:
    """Each restart takes a cover away."""
    with hostile_parser.parser(tmp_path) as parser:
        assert run(parser, "said = 1") == "1"
    assert list((tmp_path / "parsing").iterdir()) == []


def test_chance_is_believed_twice(tmp_path: Path) -> None:
    """A file that does end the store ends it for ever."""
    clock = Clock()
    for pause in RETRY_SECONDS:
        found = marks(tmp_path, clock)
        assert found.find(KEY) is None
        mark = found.record(KEY, "was killed", by_chance=True)
        assert mark.retry_at == clock.now + pause
        assert found.find(KEY) == mark
        found.close()
        clock.now += pause
    found = marks(tmp_path, clock)
    assert found.record(KEY, "was killed", by_chance=True).retry_at is None
    clock.now += DAYS
    assert found.find(KEY) is not None
    found.close()


def test_a_file_that_is_parsed_after_all_is_forgiven(tmp_path: Path) -> None:
    """Two accidents, years apart, count together."""
    clock = Clock()
    found = marks(tmp_path, clock)
    found.record(KEY, "was killed", by_chance=True)
    clock.now += RETRY_SECONDS[0]
    assert found.find(KEY) is None
    found.clear(KEY)
    found.close()
    found = marks(tmp_path, clock)
    mark = found.record(KEY, "was killed", by_chance=True)
    assert mark.retry_at == clock.now + RETRY_SECONDS[0]
    found.close()


def test_another_version_of_a_parser_tries_again(tmp_path: Path) -> None:
    """A fault that an update has mended stays for ever."""
    clock = Clock()
    found = marks(tmp_path, clock, "pillow 1")
    found.record(KEY, "crashes its parser", by_chance=False)
    assert found.find(KEY)
    found.close()
    found = marks(tmp_path, clock, "pillow 2")
    assert found.find(KEY) is None
    found.close()


def test_what_another_process_is_parsing_is_not_blamed(
    tmp_path: Path,
) -> None:
    """A second replica's start takes a cover away."""
    clock = Clock()
    first = marks(tmp_path, clock)
    with first.parsing(KEY):
        second = marks(tmp_path, clock)
        assert second.find(KEY) is None
        second.close()
        assert [each.name[:4] for each in (tmp_path / "parsing").iterdir()]
    first.close()


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"nonsense", b'{"tries": "x"}', b"\xff" * 99]
)
def test_a_damaged_mark_is_none(tmp_path: Path, data: bytes) -> None:
    """A torn write stops the library from being read."""
    (tmp_path / "parsing").mkdir()
    (tmp_path / "parsing" / KEY.hex()).write_bytes(data)
    (tmp_path / "parsing" / "now-1").write_bytes(data)
    found = marks(tmp_path, Clock())
    assert found.find(KEY) is None
    found.close()


def test_without_a_folder_marks_are_in_memory(tmp_path: Path) -> None:
    """A data folder that can't be written to stops the library."""
    (tmp_path / "parsing").write_bytes(b"a file in its place")
    found = marks(tmp_path, Clock())
    with found.parsing(KEY):
        pass
    found.record(KEY, "crashes its parser", by_chance=False)
    assert found.find(KEY)
    found.close()
