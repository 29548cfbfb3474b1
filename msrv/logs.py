"""Log lines: columns for a person at a terminal, JSON for a machine.

A record may carry `extra={"fields": {...}}`: members of the JSON line, for
what the sentence says already. What is never logged (a token, a receipt,
NONCE, a path) is kept out where the record is made: a route's name is logged.

What every request says, one line of one shape, has a way of its own: through
`logging` it would cost more than the request.
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
GATHER_SECONDS: Final = 0.05
"""How long a visit's line waits for others, to leave with them."""

_ENCODER: Final = json.JSONEncoder(default=str)


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Give what the record carries beside its sentence."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


class Visit(NamedTuple):
    """One request that was answered; `at` is in Unix seconds.

    Texts are of our choosing, or an address: nothing that must be escaped.
    """

    at: float
    method: str
    route: str
    status: int
    size_bytes: int
    seconds: float
    client: str

    @property
    def sentence(self) -> str:
        """Say it in columns."""
        _, method, route, status, size_bytes, seconds, client = self
        return (
            f"{method:<4} {route:<9} {status} {size_bytes:>9} B "
            f"{seconds * 1000:>7.1f} ms  {client}"
        )


class Layout(Protocol):
    """How lines look. Satisfied by the two formatters below."""

    def format(self, record: logging.LogRecord) -> str:
        """Lay one record out."""
        ...

    def visit(self, visit: Visit) -> str:
        """Lay one visit out, as a record that says it would be."""
        ...


class TerminalFormatter(logging.Formatter):
    """`12:30:05  warning  catalog  one sentence`."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Lay one record out as a line (and its traceback below)."""
        at = datetime.fromtimestamp(record.created).astimezone()
        level = record.levelname.lower()
        room = record.name.removeprefix("msrv.").partition(".")[0]
        line = _one_line(
            f"{at:%H:%M:%S}  {level:<9}{room:<13}{record.getMessage()}"
        )
        if self._colour and record.levelno in _COLOURS:
            line = f"{_COLOURS[record.levelno]}{line}{_RESET}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line

    def visit(self, visit: Visit) -> str:
        """Lay one visit out."""
        at = datetime.fromtimestamp(visit.at).astimezone()
        return f"{at:%H:%M:%S}  info     access       {visit.sentence}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, room, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as JSON, whatever its fields hold."""
        entry: dict[str, Any] = {
            "at": _at(record.created),
            "level": record.levelname.lower(),
            "room": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            entry["traceback"] = "".join(
                traceback.format_exception(*record.exc_info)
            )
        return _ENCODER.encode(entry)

    def visit(self, visit: Visit) -> str:
        """Write one visit as JSON."""
        at, method, route, status, size_bytes, seconds, client = visit
        return (
            f'{{"at": "{_at(at)}", "level": "info", "room": "msrv.access", '
            f'"message": "{visit.sentence}", '
            f'"method": "{method}", "route": "{route}", '
            f'"status": {status}, "bytes": {size_bytes}, '
            f'"seconds": {seconds:.6f}, "client": "{client}"}}'
        )


class Output(logging.StreamHandler[TextIO]):
    """Where the process's lines go.

    Visits leave a few at a time; any other line leaves at once, after them.
    """

    def __init__(self, stream: TextIO, layout: Layout) -> None:
        super().__init__(stream)
        self.setFormatter(layout)  # type: ignore[arg-type] # half of one
        self._layout = layout
        self._waiting: list[Visit] = []
        self._hand = threading.Lock()

    def visit(self, visit: Visit) -> None:
        """Write that a request was answered, in a moment."""
        with self._hand:
            self._waiting.append(visit)
            if len(self._waiting) > 1:
                return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            loop.call_later(GATHER_SECONDS, self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, after the visits before it."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits."""
        # Where the log can't be written, there is nobody to tell.
        with contextlib.suppress(OSError, ValueError):
            self._write_visits()
            super().flush()

    def _write_visits(self) -> None:
        with self._hand:
            visits, self._waiting = self._waiting, []
            if visits:
                lines = [f"{self._layout.visit(each)}\n" for each in visits]
                self.stream.write("".join(lines))


def output(stream: TextIO) -> Output:
    """Lay lines out for a person at a terminal, or for a machine."""
    if stream.isatty():
        colour = "NO_COLOR" not in os.environ
        return Output(stream, TerminalFormatter(colour=colour))
    return Output(stream, JsonFormatter())


def configure(stream: TextIO | None = None) -> None:
    """Send every record of the process to `stream` (standard error)."""
    # A line says where it comes from by its room: who called, and in which
    # thread, is never asked for, and costs more than the line.
    logging._srcfile = None  # noqa: SLF001 - as logging's own HOWTO says
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.basicConfig(
        level=logging.INFO, handlers=[output(stream or sys.stderr)], force=True
    )
    # Pillow, asyncio and Alembic speak of their own affairs below this.
    logging.getLogger("PIL").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def visits() -> Callable[[Visit], None]:
    """Give what writes visits, to where `configure` sends records."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Output):
            return handler.visit
    return output(sys.stderr).visit


def _at(seconds: float) -> str:
    second, rest = divmod(seconds, 1)
    return f"{_second(int(second))}.{int(rest * 1000):03d}+00:00"


def _one_line(text: str) -> str:
    """Escape what could forge a second line or move a terminal's cursor."""
    return "".join(
        char
        if char.isprintable() or char == " "
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
