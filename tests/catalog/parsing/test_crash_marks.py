# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Marks of files that crashed their parser, and their retries."""

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
from tests.catalog.parsing.hostile_parser import process_id, run_code

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


def test_crashing_file_is_not_retried_even_after_a_restart(
    tmp_path: Path,
) -> None:
    with hostile_parser.create(tmp_path) as parser:
        with pytest.raises(
            ParserCrashed, match=r"crashes its parser.*SIGSEGV"
        ):
            run_code(parser, CRASHES)
        with pytest.raises(ParserCrashed):
            run_code(parser, CRASHES)
        assert parser._process is None
        # Another file, and what replaces this one, is parsed.
        assert run_code(parser, "said = 1") == "1"
    with hostile_parser.create(tmp_path) as parser:
        with pytest.raises(ParserCrashed, match="SIGSEGV"):
            run_code(parser, CRASHES)
        assert parser._process is None


def test_killed_process_is_started_again(tmp_path: Path) -> None:
    """The file that it was reading is not blamed forever."""
    clock = Clock()
    found: list[ParserCrashed] = []

    def ask() -> None:
        try:
            run_code(parser, HANGS)
        except ParserCrashed as error:
            found.append(error)

    with hostile_parser.create(marks=marks(tmp_path, clock)) as parser:
        parser.start()
        asking = threading.Thread(target=ask)
        asking.start()
        _wait_for_mark(tmp_path / "parsing")
        os.kill(process_id(parser), signal.SIGKILL)
        asking.join(60)
        assert "was killed" in found[0].reason
        assert run_code(parser, "said = 1") == "1"
        with pytest.raises(ParserCrashed, match="was killed"):
            run_code(parser, HANGS)
        assert parser.holds(hostile_parser.sha256(HANGS))
        assert not parser.is_retry_due()
        clock.now += RETRY_SECONDS[0] + 1
        assert parser.is_retry_due()
        assert not parser.holds(hostile_parser.sha256(HANGS))


def _wait_for_mark(folder: Path) -> None:
    """Wait until a file is marked as in progress."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for path in folder.glob("now-*"):
            if path.read_bytes().strip():
                return
        time.sleep(0.01)
    pytest.fail("nothing is being parsed")


def test_hanging_process_is_killed_after_the_time_out(tmp_path: Path) -> None:
    with hostile_parser.create(tmp_path, seconds=1) as parser:
        with pytest.raises(ParserCrashed, match="too long"):
            run_code(parser, HANGS)
        assert run_code(parser, "said = 1") == "1"


def test_file_in_progress_is_marked_when_the_store_is_killed(
    tmp_path: Path,
) -> None:
    """The file isn't parsed at the next start, and retried later."""
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from tests.catalog.parsing import hostile_parser\n"
        f"parser = hostile_parser.create(Path({str(tmp_path)!r}))\n"
        f"hostile_parser.run_code(parser, {HANGS!r})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as store:
        _wait_for_mark(tmp_path / "parsing")
        store.send_signal(signal.SIGKILL)
        store.wait()
    with hostile_parser.create(tmp_path) as parser:
        with pytest.raises(ParserCrashed, match="when the store was killed"):
            run_code(parser, HANGS)
        assert parser._process is None
        assert run_code(parser, "said = 1") == "1"
    clock = Clock()
    clock.now = time.time() + RETRY_SECONDS[0] + 1
    later = CrashMarks(tmp_path / "parsing", clock=clock)
    assert later.find(hostile_parser.sha256(HANGS)) is None
    later.close()


def test_stopping_the_store_marks_no_file(tmp_path: Path) -> None:
    with hostile_parser.create(tmp_path) as parser:
        assert run_code(parser, "said = 1") == "1"
    assert list((tmp_path / "parsing").iterdir()) == []


def test_file_is_retried_twice_after_chance_crashes(tmp_path: Path) -> None:
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


def test_mark_is_removed_once_the_file_is_parsed(tmp_path: Path) -> None:
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


def test_marked_file_is_retried_by_another_parser_version(
    tmp_path: Path,
) -> None:
    clock = Clock()
    found = marks(tmp_path, clock, "pillow 1")
    found.record(KEY, "crashes its parser", by_chance=False)
    assert found.find(KEY)
    found.close()
    found = marks(tmp_path, clock, "pillow 2")
    assert found.find(KEY) is None
    found.close()


def test_file_in_progress_in_another_process_is_not_marked(
    tmp_path: Path,
) -> None:
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
def test_damaged_mark_is_ignored(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "parsing").mkdir()
    (tmp_path / "parsing" / KEY.hex()).write_bytes(data)
    (tmp_path / "parsing" / "now-1").write_bytes(data)
    found = marks(tmp_path, Clock())
    assert found.find(KEY) is None
    found.close()


def test_marks_are_in_memory_without_a_folder(tmp_path: Path) -> None:
    (tmp_path / "parsing").write_bytes(b"a file in its place")
    found = marks(tmp_path, Clock())
    with found.parsing(KEY):
        pass
    found.record(KEY, "crashes its parser", by_chance=False)
    assert found.find(KEY)
    found.close()
