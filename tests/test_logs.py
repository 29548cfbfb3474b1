# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Log formats, and the batches of the access log."""

import asyncio
import errno
import io
import json
import logging

import pytest

from msrv import logs
from msrv.logs import (
    AccessLogEntry,
    JsonFormatter,
    LogHandler,
    TerminalFormatter,
    configure,
)

ENTRY = AccessLogEntry(
    at=1_800_000_000.125,
    method="GET",
    route="download",
    status=206,
    size_bytes=70_000,
    seconds=0.0123456789,
    client="198.51.100.7",
)


def record(message: str, **extra: object) -> logging.LogRecord:
    """Return a record of the catalog."""
    made = logging.LogRecord(
        "msrv.catalog.live_catalog",
        logging.WARNING,
        __file__,
        1,
        message,
        (),
        None,
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
def test_record_is_one_line(message: str) -> None:
    """No text in a record breaks its line or controls the terminal."""
    for formatter in (TerminalFormatter(colour=False), JsonFormatter()):
        line = formatter.format(record(message))
        assert line.isprintable()
        line.encode("utf-8")


def test_terminal_lines_have_columns() -> None:
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


def test_json_lines_have_members() -> None:
    line = JsonFormatter().format(record("said", fields={"status": 200}))
    entry = json.loads(line)
    assert entry["level"] == "warning"
    assert entry["room"] == "msrv.catalog.live_catalog"
    assert entry["message"] == "said"
    assert entry["status"] == 200
    assert entry["at"].endswith("+00:00")


def test_traceback_is_part_of_its_record() -> None:
    try:
        raise ValueError("the reason")
    except ValueError as error:
        made = record("failed", exc_info=(ValueError, error, None))
    entry = json.loads(JsonFormatter().format(made))
    assert "the reason" in entry["traceback"]
    text = TerminalFormatter(colour=False).format(made)
    assert text.splitlines()[-1].endswith("the reason")


def test_log_is_json_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


def as_record(entry: AccessLogEntry) -> logging.LogRecord:
    """Return the record equivalent to an entry."""
    made = logging.LogRecord(
        "msrv.access", logging.INFO, __file__, 1, entry.message, (), None
    )
    made.created = entry.at
    made.fields = {
        "method": entry.method,
        "route": entry.route,
        "status": entry.status,
        "bytes": entry.size_bytes,
        "seconds": round(entry.seconds, 6),
        "client": entry.client,
    }
    return made


def test_entry_is_formatted_like_a_record() -> None:
    made = as_record(ENTRY)
    for formatter in (TerminalFormatter(colour=True), JsonFormatter()):
        assert formatter.format_entry(ENTRY) == formatter.format(made)
    assert json.loads(JsonFormatter().format_entry(ENTRY))["bytes"] == 70_000


class Stream(io.StringIO):
    """Stream that records its writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


async def test_entries_are_batched_and_in_order_with_records() -> None:
    stream = Stream()
    handler = LogHandler(stream, JsonFormatter())
    for status in (200, 206, 304):
        handler.write_entry(ENTRY._replace(status=status))
    assert stream.writes == []
    await asyncio.sleep(logs.BATCH_SECONDS * 3)
    assert len(stream.writes) == 1
    handler.write_entry(ENTRY._replace(status=412))
    handler.handle(record("what follows"))
    handler.write_entry(ENTRY._replace(status=416))
    handler.flush()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("status") for line in lines] == [
        200,
        206,
        304,
        412,
        None,
        416,
    ]


def test_entry_without_a_running_loop_is_written_at_once() -> None:
    stream = Stream()
    LogHandler(stream, JsonFormatter()).write_entry(ENTRY)
    assert json.loads(stream.getvalue())["status"] == 206


class FullDisk(io.StringIO):
    """Stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, f"no room for {len(text)} characters")


async def test_write_errors_are_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full disk neither stops the store nor produces more log lines."""
    handler = LogHandler(FullDisk(), JsonFormatter())
    handler.write_entry(ENTRY)
    await asyncio.sleep(logs.BATCH_SECONDS * 3)
    assert not caplog.records
    handler.write_entry(ENTRY)
    handler.handle(record("what follows"))


def test_entries_are_written_to_the_configured_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    level = root.level
    try:
        stream = io.StringIO()
        configure(stream)
        logs.access_log_writer()(ENTRY)
        assert json.loads(stream.getvalue())["route"] == "download"
    finally:
        root.setLevel(level)
