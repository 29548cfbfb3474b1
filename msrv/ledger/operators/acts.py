# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Act of an operator: what somebody did, when, and to what.

A module of its own: `ledger.events` imports it.
"""

import re
from dataclasses import dataclass
from typing import Final

from msrv.proofs.orders import MAX_TIME, check_number

CLI: Final = "cli"
"""`actor` and `session` of an act of the command line."""

_WORD: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{0,255}")


@dataclass(frozen=True, slots=True)
class OperatorAct:
    """Act of an operator, a program or the command line.

    `act_id` is unique, `session` the number of the session, `act` the name of
    the act, and `subject` its object, which may be empty; `at_ms` is in
    Unix milliseconds. `actor` is `operator.NAME`, `token.NAME`, CLI, or empty
    for an operator without a name. Raises ValueError for another form.
    """

    act_id: str
    at_ms: int
    session: str
    act: str
    subject: str = ""
    actor: str = ""

    def __post_init__(self) -> None:
        check_number(self.at_ms, MAX_TIME)
        words = [self.act_id, self.session, self.act]
        if self.actor:
            words.append(self.actor)
        if not all(map(_WORD.fullmatch, words)) or not _SUBJECT.fullmatch(
            self.subject
        ):
            raise ValueError("not in the expected form")
