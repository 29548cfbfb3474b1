# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The progress line of commands."""

import io

from msrv.cli.progress import ProgressLine


class Terminal(io.StringIO):
    """A terminal that remembers what was written to it."""

    def isatty(self) -> bool:
        return True


class Timer:
    """Monotonic seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_line_is_shown_after_a_second_and_removed() -> None:
    out, timer = Terminal(), Timer()
    with ProgressLine(out, timer) as line:
        line.count("copying file", 1, 2000)
        assert out.getvalue() == ""
        timer.now = 1.5
        line.count("copying file", 2, 2000)
        line.count("copying file", 3, 2000)
        assert out.getvalue() == "\r\x1b[Kcopying file 2 of 2,000"
    assert out.getvalue().endswith("\r\x1b[K")


def test_line_is_not_written_to_a_file() -> None:
    out, timer = io.StringIO(), Timer()
    with ProgressLine(out, timer) as line:
        timer.now = 9
        line.update("working")
    assert out.getvalue() == ""


def test_quick_command_shows_no_line() -> None:
    out = Terminal()
    with ProgressLine(out, Timer()) as line:
        line.update("working")
    assert out.getvalue() == ""
