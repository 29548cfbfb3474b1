"""A parser that runs each file as Python code, confined as the real one."""

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from msrv.catalog.parsing import landlock
from msrv.catalog.parsing.confinement import python_command
from msrv.catalog.parsing.parser import Parser

_PROGRAM: Final = Path(__file__).with_name("hostile_parser_main.py")


def parser(
    data: Path | None = None,
    *limits: str,
    **options: Any,  # noqa: ANN401 - as Parser has them
) -> Parser:
    """Return it; `limits` are like `CPU_SECONDS=1`."""
    *interpreter, _, _ = python_command("")
    command = (*interpreter, str(_PROGRAM), *limits)
    return Parser(data, command=command, **options)


def sha256(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def run(parser: Parser, code: str) -> str:
    """Have it run code; what that says."""
    with tempfile.TemporaryFile() as file:
        file.write(code.encode())
        file.flush()
        return parser.tags(file, "track.mp3", sha256(code)).title


def refuses(code: str) -> str:
    """Write code that says the error that a line of code ends with."""
    return (
        "import os, socket, ctypes\n"
        f"try:\n    {code}\n    said = 'done'\n"
        "except OSError as error:\n    said = type(error).__name__\n"
    )


def helper_id(parser: Parser) -> int:
    """Its process id, which it has once it runs."""
    assert parser._process is not None
    return parser._process.process.pid


def is_confined() -> bool:
    """Whether this kernel has Landlock; all that have it have seccomp."""
    if sys.platform != "linux":
        return False
    try:
        return landlock.version() > 0
    except OSError:
        return False


needs_confinement = pytest.mark.skipif(
    not is_confined(), reason="this kernel has no Landlock"
)


def is_gone(process_id: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text("ascii")
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] == "Z"
