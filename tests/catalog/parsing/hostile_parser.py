# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A parser that runs each file as Python code, confined like the real one."""

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


def create(
    data: Path | None = None,
    *limits: str,
    **options: Any,  # noqa: ANN401 - as Parser has them
) -> Parser:
    """Return a parser whose process runs each file as Python code.

    `limits` are like `CPU_SECONDS=1`.
    """
    *interpreter, _, _ = python_command("")
    command = (*interpreter, str(_PROGRAM), *limits)
    return Parser(data, command=command, **options)


def sha256(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def run_code(parser: Parser, code: str) -> str:
    """Run code in the parser's process; return its `said`."""
    with tempfile.TemporaryFile() as file:
        file.write(code.encode())
        file.flush()
        return parser.tags(file, "track.mp3", sha256(code)).title


def code_reporting_error(code: str) -> str:
    """Return code that sets `said` to the error of a line of code."""
    return (
        "import os, socket, ctypes\n"
        f"try:\n    {code}\n    said = 'done'\n"
        "except OSError as error:\n    said = type(error).__name__\n"
    )


def process_id(parser: Parser) -> int:
    """Return the id of the parser's running process."""
    assert parser._process is not None
    return parser._process.process.pid


def is_confined() -> bool:
    """Return whether this kernel has Landlock, and therefore seccomp."""
    if sys.platform != "linux":
        return False
    try:
        return landlock.version() > 0
    except OSError:
        return False


needs_confinement = pytest.mark.skipif(
    not is_confined(), reason="this kernel has no Landlock"
)


def has_ended(process_id: int) -> bool:
    """Return whether a process has ended, waited for or not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text("ascii")
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] == "Z"
