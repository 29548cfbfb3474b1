"""Log lines: one a record, whatever is in it."""

import asyncio
import errno
import io
import json
import logging

import pytest

from msrv import logs
from msrv.logs import (
    JsonFormatter,
    Output,
    TerminalFormatter,
    Visit,
    configure,
)

VISIT = Visit(
    at=1_800_000_000.125,
    method="GET",
    route="download",
    status=206,
    size_bytes=70_000,
    seconds=0.0123456789,
    client="198.51.100.7",
)


def record(message: str, **extra: object) -> logging.LogRecord:
    """A record of the catalog's."""
    made = logging.LogRecord(
        "msrv.catalog.live", logging.WARNING, __file__, 1, message, (), None
    )
    vars(made).update(extra)
    return made


HOSTILE = [
    "two\nlines",
    "a \x1b[2J screen wiped",
    "back\rwards",
    "\u202eright to left",
    "half \ud800 a character",
]


@pytest.mark.parametrize("message", HOSTILE)
def test_a_record_is_one_line(message: str) -> None:
    """A file's name forges a log line, or wipes the operator's screen."""
    for formatter in (TerminalFormatter(colour=False), JsonFormatter()):
        line = formatter.format(record(message))
        assert line.isprintable()
        line.encode("utf-8")


def test_columns_for_a_person() -> None:
    """An operator at night can't tell what is wrong, or where."""
    line = TerminalFormatter(colour=False).format(record("it is broken"))
    assert line.split() == [
        line[:8],
        "warning",
        "catalog",
        "it",
        "is",
        "broken",
    ]
    coloured = TerminalFormatter(colour=True).format(record("broken"))
    assert coloured.startswith("\033[33m")
    assert coloured.endswith("\033[0m")


def test_members_for_a_machine() -> None:
    """A log shipper has to parse sentences."""
    line = JsonFormatter().format(record("said", fields={"status": 200}))
    entry = json.loads(line)
    assert entry["level"] == "warning"
    assert entry["room"] == "msrv.catalog.live"
    assert entry["message"] == "said"
    assert entry["status"] == 200
    assert entry["at"].endswith("+00:00")


def test_a_trace_stays_in_its_record() -> None:
    """A traceback is spread over lines that nobody can put together."""
    try:
        raise ValueError("the reason")
    except ValueError as error:
        made = record("failed", exc_info=(ValueError, error, None))
    entry = json.loads(JsonFormatter().format(made))
    assert "the reason" in entry["traceback"]
    text = TerminalFormatter(colour=False).format(made)
    assert text.splitlines()[-1].endswith("the reason")


def test_json_where_nobody_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal's columns end up in a file, or JSON on a screen."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    level = root.level
    try:
        stream = io.StringIO()
        configure(stream)
        logging.getLogger("msrv.test").warning("heard")
        assert json.loads(stream.getvalue())["message"] == "heard"
    finally:
        root.setLevel(level)


def as_record(visit: Visit) -> logging.LogRecord:
    """The record that says the same."""
    made = logging.LogRecord(
        "msrv.access", logging.INFO, __file__, 1, visit.sentence, (), None
    )
    made.created = visit.at
    made.fields = {
        "method": visit.method,
        "route": visit.route,
        "status": visit.status,
        "bytes": visit.size_bytes,
        "seconds": round(visit.seconds, 6),
        "client": visit.client,
    }
    return made


def test_a_visit_looks_like_a_record() -> None:
    """A log shipper meets two dialects in one log."""
    made = as_record(VISIT)
    for layout in (TerminalFormatter(colour=True), JsonFormatter()):
        assert layout.visit(VISIT) == layout.format(made)
    assert json.loads(JsonFormatter().visit(VISIT))["bytes"] == 70_000


class Stream(io.StringIO):
    """A stream that remembers what it was given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


async def test_visits_leave_together_and_in_order() -> None:
    """A busy store writes to the disk once a request, or out of order."""
    stream = Stream()
    output = Output(stream, JsonFormatter())
    for status in (200, 206, 304):
        output.visit(VISIT._replace(status=status))
    assert stream.writes == []
    await asyncio.sleep(logs.GATHER_SECONDS * 3)
    assert len(stream.writes) == 1
    output.visit(VISIT._replace(status=412))
    output.handle(record("what follows"))
    output.visit(VISIT._replace(status=416))
    output.flush()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("status") for line in lines] == [
        200,
        206,
        304,
        412,
        None,
        416,
    ]


def test_a_visit_where_nothing_runs_leaves_at_once() -> None:
    """The last lines of a process are lost."""
    stream = Stream()
    Output(stream, JsonFormatter()).visit(VISIT)
    assert json.loads(stream.getvalue())["status"] == 206


class Full(io.StringIO):
    """A disk without room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, f"no room for {len(text)} characters")


async def test_a_log_that_can_not_be_written_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full disk takes the store with it, or fills what is left."""
    output = Output(Full(), JsonFormatter())
    output.visit(VISIT)
    await asyncio.sleep(logs.GATHER_SECONDS * 3)
    assert not caplog.records
    output.visit(VISIT)
    output.handle(record("what follows"))


def test_visits_go_where_records_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The access log ends up elsewhere than everything else."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    level = root.level
    try:
        stream = io.StringIO()
        configure(stream)
        logs.visits()(VISIT)
        assert json.loads(stream.getvalue())["route"] == "download"
    finally:
        root.setLevel(level)
