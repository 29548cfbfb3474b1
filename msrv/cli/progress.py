# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Progress line of a command, on a terminal only.

Apart from the commands: all that can take longer than a second share it.
"""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TextIO

_QUIET_SECONDS: Final = 1.0
"""Time before progress is shown; most work takes less."""
_STEP_SECONDS: Final = 0.1
_CLEAR: Final = "\r\x1b[K"


class ProgressLine:
    """One line on standard error, rewritten while its block lasts.

    It is removed at the end of the block. Nothing is written in the first
    second, nor to what isn't a terminal. `timer` returns monotonic seconds.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = sys.stderr if out is None else out
        self._timer = timer
        self._is_terminal = self._out.isatty()
        self._next_at = timer() + _QUIET_SECONDS
        self._is_shown = False

    def update(self, text: str) -> None:
        """Show a text, unless another was shown a moment ago."""
        now = self._timer()
        if not self._is_terminal or now < self._next_at:
            return
        self._next_at = now + _STEP_SECONDS
        self._is_shown = True
        self._out.write(_CLEAR + text)
        self._out.flush()

    def count(self, verb: str, done: int, total: int) -> None:
        """Show how many of a total are done: `reading 3 of 12 files`."""
        self.update(f"{verb} {done:,} of {total:,}")

    def __enter__(self) -> Self:
        """Return the line."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the line from the terminal."""
        if self._is_shown:
            self._out.write(_CLEAR)
            self._out.flush()
