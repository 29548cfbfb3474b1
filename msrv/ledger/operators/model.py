# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operators and their roles."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msrv.ledger.errors import LedgerError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_PREFIX: Final = "operator."


class Role(StrEnum):
    """Role of an operator; `web.studio.access` says which page needs which.

    Each role may do what the ones before it may.
    """

    READ_ONLY = "read-only"
    SALES = "sales"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may sign in to the studio.

    `operator_id` is random: whoever is added again under a former name is
    another operator. It is empty for the operator without a name. Times are
    in Unix seconds; `ended_at` is None until the operator is removed.
    """

    operator_id: str
    name: str
    role: Role
    created_at: int = 0
    ended_at: int | None = None

    @property
    def is_ended(self) -> bool:
        """True for a removed operator, who may do nothing."""
        return self.ended_at is not None

    @property
    def actor(self) -> str:
        """`OperatorAct.actor` of what this operator does."""
        return f"{_PREFIX}{self.name}" if self.name else ""


UNNAMED: Final = Operator("", "", Role.OWNER)
"""Operator of a link of `msrv studio` without a name: an owner."""


class InvalidOperator(LedgerError):
    """A name that can't be one, is taken, or that nobody has."""


def check_name(name: str) -> str:
    """Return a name. Raises InvalidOperator unless it can be one."""
    if not _NAME.fullmatch(name):
        raise InvalidOperator(
            f"{name!r} can't be a name: use up to 32 of a-z, 0-9, '.', '_' "
            "and '-', beginning with a letter or a digit"
        )
    return name
