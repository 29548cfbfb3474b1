# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The QR code of a sign-in link, on a terminal."""

import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest
import segno

from msrv.cli import terminal_qr
from tests.conftest import NONCE

ADDRESS = "https://shop.example/studio/enter/" + "A" * 64
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A text stream that says it is a terminal, in some encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override] # a writable attribute
        """Name of the encoding."""
        return self._encoding

    def isatty(self) -> bool:
        """Return True."""
        return True


def modules(text: str, *, drawn: bool) -> list[list[bool]]:
    """Return the modules that lines of half blocks show, dark ones as True."""
    halves = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    rows: list[list[bool]] = []
    for line in _ESCAPE.sub("", text).splitlines():
        pairs = [halves[character] for character in line]
        rows += [
            [bool(pair[half]) is drawn for pair in pairs] for half in (0, 1)
        ]
    return rows


@pytest.mark.parametrize("no_color", [False, True])
def test_blocks_are_the_modules_of_the_code(no_color: bool) -> None:  # noqa: FBT001 - a table
    shown = terminal_qr.draw(
        ADDRESS, Terminal(), columns=80, no_color=no_color
    )
    assert ("\x1b" in shown) is not no_color
    expected = [
        [bool(module) for module in row]
        for row in segno.make_qr(ADDRESS, error="l").matrix_iter(border=2)
    ]
    found = modules(shown, drawn=not no_color)
    assert found[: len(expected)] == expected
    # What is below an odd last row is light, too.
    assert not any(map(any, found[len(expected) :]))


def test_nothing_is_drawn_where_it_would_not_fit() -> None:
    drawn = terminal_qr.draw(ADDRESS, Terminal(), columns=200, no_color=True)
    width = len(drawn.splitlines()[0])
    assert terminal_qr.draw(ADDRESS, Terminal(), columns=width)
    assert terminal_qr.draw(ADDRESS, Terminal(), columns=width - 1) == ""
    assert terminal_qr.draw(ADDRESS, Terminal("latin-1"), columns=200) == ""
    assert terminal_qr.draw(ADDRESS, io.StringIO(), columns=200) == ""


def run_on_terminal(data: Path, *options: str, **environ: str) -> str:
    """Run `msrv studio` on a terminal of 80 columns; return what it shows."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {
        **{key: os.environ[key] for key in ("PATH",) if key in os.environ},
        "LANG": "C.UTF-8",
        "NONCE": NONCE,
        "MSRV_DATA": str(data),
        "MSRV_PUBLIC_URL": "https://shop.example",
        **environ,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "msrv", "studio", *options],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            shown += piece
        assert process.wait(30) == 0
    os.close(ours)
    return shown.decode()


@pytest.mark.slow
def test_studio_shows_the_code_of_its_link(tmp_path: Path) -> None:
    shown = run_on_terminal(tmp_path)
    address, *lines = shown.splitlines()
    expected = [
        [bool(module) for module in row]
        for row in segno.make_qr(address, error="l").matrix_iter(border=2)
    ]
    found = modules("\n".join(lines), drawn=True)
    assert found[: len(expected)] == expected


@pytest.mark.slow
def test_studio_shows_no_code_with_its_option(tmp_path: Path) -> None:
    assert len(run_on_terminal(tmp_path, "--no-qr").splitlines()) == 1
    assert "\x1b" not in run_on_terminal(tmp_path, NO_COLOR="1")
