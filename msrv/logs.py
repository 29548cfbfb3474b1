# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Log lines: columns at a terminal, JSON everywhere else.

A record may carry `extra={"fields": {...}}`: further members of its JSON line.
A token, a receipt, NONCE or a path is never logged: it is left out where the
record is created, and a route's name is logged instead.

Entries of the access log all have one form, and bypass `logging`, which would
cost more than the request.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol, TextIO

_COLOURS: Final = {
    logging.DEBUG: "\033[2m",
    logging.WARNING: "\033[33m",
    logging.ERROR: "\033[31m",
    logging.CRITICAL: "\033[31;1m",
}
_RESET: Final = "\033[0m"
BATCH_SECONDS: Final = 0.05
"""Time for which lines of the access log are batched."""

_ENCODER: Final = json.JSONEncoder(default=str)


@lru_cache(maxsize=2)
def _format_second(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a record."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


class AccessLogEntry(NamedTuple):
    """Entry of the access log: one request that was answered.

    `at` is in Unix seconds. Texts are the store's own, or an address: nothing
    that has to be escaped.
    """

    at: float
    method: str
    route: str
    status: int
    size_bytes: int
    seconds: float
    client: str

    @property
    def message(self) -> str:
        """Text in columns."""
        _, method, route, status, size_bytes, seconds, client = self
        return (
            f"{method:<4} {route:<9} {status} {size_bytes:>9} B "
            f"{seconds * 1000:>7.1f} ms  {client}"
        )


class LineFormatter(Protocol):
    """Formatter of records and entries: one of the two below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        ...

    def format_entry(self, entry: AccessLogEntry) -> str:
        """Return an entry as the line of an equivalent record."""
        ...


class TerminalFormatter(logging.Formatter):
    """Formats lines like `12:30:05  warning  catalog  message`."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line, and its traceback below."""
        at = datetime.fromtimestamp(record.created).astimezone()
        level = record.levelname.lower()
        package = record.name.removeprefix("msrv.").partition(".")[0]
        line = _one_line(
            f"{at:%H:%M:%S}  {level:<9}{package:<13}{record.getMessage()}"
        )
        if self._colour and record.levelno in _COLOURS:
            line = f"{_COLOURS[record.levelno]}{line}{_RESET}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line

    def format_entry(self, entry: AccessLogEntry) -> str:
        """Return an entry as a line."""
        at = datetime.fromtimestamp(entry.at).astimezone()
        return f"{at:%H:%M:%S}  info     access       {entry.message}"


class JsonFormatter(logging.Formatter):
    """Formats lines of one JSON object: at, level, room, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON, whatever types its fields have."""
        entry: dict[str, Any] = {
            "at": _format_time(record.created),
            "level": record.levelname.lower(),
            "room": record.name,
            "message": record.getMessage(),
            **_fields_of(record),
        }
        if record.exc_info:
            entry["traceback"] = "".join(
                traceback.format_exception(*record.exc_info)
            )
        return _ENCODER.encode(entry)

    def format_entry(self, entry: AccessLogEntry) -> str:
        """Return an entry as JSON."""
        at, method, route, status, size_bytes, seconds, client = entry
        return (
            f'{{"at": "{_format_time(at)}", "level": "info", '
            f'"room": "msrv.access", '
            f'"message": "{entry.message}", '
            f'"method": "{method}", "route": "{route}", '
            f'"status": {status}, "bytes": {size_bytes}, '
            f'"seconds": {seconds:.6f}, "client": "{client}"}}'
        )


class LogHandler(logging.StreamHandler[TextIO]):
    """Handler of all lines of the process.

    Entries of the access log are written in batches; records at once, after
    the entries before them.
    """

    def __init__(self, stream: TextIO, formatter: LineFormatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)  # type: ignore[arg-type] # it has what is called
        self._formatter = formatter
        self._entries: list[AccessLogEntry] = []
        self._lock = threading.Lock()

    def write_entry(self, entry: AccessLogEntry) -> None:
        """Write an entry with the next batch."""
        with self._lock:
            self._entries.append(entry)
            if len(self._entries) > 1:
                return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            loop.call_later(BATCH_SECONDS, self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, after the entries before it."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write the batched entries."""
        # Where the log can't be written, nothing can report that.
        with contextlib.suppress(OSError, ValueError):
            self._write_entries()
            super().flush()

    def _write_entries(self) -> None:
        with self._lock:
            entries, self._entries = self._entries, []
            if entries:
                lines = [
                    f"{self._formatter.format_entry(each)}\n"
                    for each in entries
                ]
                self.stream.write("".join(lines))


def create_handler(stream: TextIO) -> LogHandler:
    """Return a handler with columns for a terminal, otherwise JSON."""
    if stream.isatty():
        colour = "NO_COLOR" not in os.environ
        return LogHandler(stream, TerminalFormatter(colour=colour))
    return LogHandler(stream, JsonFormatter())


def configure(stream: TextIO | None = None) -> None:
    """Send all records of the process to `stream` (standard error)."""
    # Lines name the package that logs. The caller and the thread are not
    # shown, and looking them up costs more than the line.
    logging._srcfile = None  # noqa: SLF001 - see the HOWTO of logging
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.basicConfig(
        level=logging.INFO,
        handlers=[create_handler(stream or sys.stderr)],
        force=True,
    )
    # Pillow, asyncio and Alembic log their internals below this.
    logging.getLogger("PIL").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def access_log_writer() -> Callable[[AccessLogEntry], None]:
    """Return a function that writes entries to the configured handler."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogHandler):
            return handler.write_entry
    return create_handler(sys.stderr).write_entry


def _format_time(seconds: float) -> str:
    second, rest = divmod(seconds, 1)
    return f"{_format_second(int(second))}.{int(rest * 1000):03d}+00:00"


def _one_line(text: str) -> str:
    """Escape characters that could forge a line or control a terminal."""
    return "".join(
        char
        if char.isprintable() or char == " "
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
