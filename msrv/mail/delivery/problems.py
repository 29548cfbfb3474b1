# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Problems that keep the mail worker from sending.

Apart from `worker`, which knows when there is one.
"""

import logging
from typing import Final

from msrv.display_text import reason_of

log = logging.getLogger(__name__)

_MANY_REJECTED: Final = 3


class LoggedProblem:
    """A problem, logged when it changes; `text` is empty without one.

    `began` and `ended` are what the log says.
    """

    def __init__(self, began: str, ended: str) -> None:
        self._began = began
        self._ended = ended
        self.text = ""

    def update(self, text: str) -> None:
        """Set what the problem is, empty for none."""
        if text and text != self.text:
            log.error("mail: %s: %s", self._began, text)
        elif self.text and not text:
            log.info("mail: %s", self._ended)
        self.text = text


class Rejections:
    """Consecutive rejections that no recipient's address caused."""

    def __init__(self) -> None:
        self._recipients: set[str] = set()
        self._reason = ""

    def add(self, recipient: str, reason: str) -> None:
        """Add the rejection of a mail to this recipient."""
        if self.problem:
            return
        self._recipients.add(recipient)
        self._reason = reason

    def clear(self) -> None:
        """End the row: a mail was accepted."""
        self._recipients.clear()

    @property
    def problem(self) -> str:
        """The last reason, once it is no longer that of a single mail."""
        is_row = len(self._recipients) >= _MANY_REJECTED
        return self._reason if is_row else ""


def file_problem(error: OSError) -> str:
    """Return a file and the reason, without the words of Python."""
    reason = reason_of(error)
    return f"{error.filename}: {reason}" if error.filename else reason
