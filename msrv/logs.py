"""Log lines: columns for a person at a terminal, JSON for a machine.

A record may carry `extra={"fields": {...}}`: members of the JSON line, for
what the sentence says already. What is never logged (a token, a receipt,
NONCE, a path) is kept out where the record is made: a route's name is logged.
"""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TextIO

_COLOURS: Final = {
    logging.DEBUG: "\033[2m",
    logging.WARNING: "\033[33m",
    logging.ERROR: "\033[31m",
    logging.CRITICAL: "\033[31;1m",
}
_RESET: Final = "\033[0m"


_ENCODER: Final = json.JSONEncoder(default=str)


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Give what the record carries beside its sentence."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


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


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, room, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as JSON, whatever its fields hold."""
        second, rest = divmod(record.created, 1)
        entry: dict[str, Any] = {
            "at": f"{_second(int(second))}.{int(rest * 1000):03d}+00:00",
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


def configure(stream: TextIO | None = None) -> None:
    """Send every record of the process to `stream` (standard error)."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    if stream.isatty():
        colour = "NO_COLOR" not in os.environ
        handler.setFormatter(TerminalFormatter(colour=colour))
    else:
        handler.setFormatter(JsonFormatter())
    # A line says where it comes from by its room: who called, and in which
    # thread, is never asked for, and costs more than the line.
    logging._srcfile = None  # noqa: SLF001 - as logging's own HOWTO says
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Pillow, asyncio and Alembic speak of their own affairs below this.
    logging.getLogger("PIL").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _one_line(text: str) -> str:
    """Escape what could forge a second line or move a terminal's cursor."""
    return "".join(
        char
        if char.isprintable() or char == " "
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
