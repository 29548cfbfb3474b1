"""Log lines: one a record, whatever is in it."""

import io
import json
import logging

import pytest

from msrv.logs import JsonFormatter, TerminalFormatter, configure


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
