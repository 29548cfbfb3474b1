# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Quarters of a year, in UTC: periods of tax returns.

Apart from the report, since queries and pages need them too.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

_NAME: Final = re.compile(r"(19[7-9][0-9]|[2-8][0-9]{3})-Q([1-4])")
_QUARTERS: Final = 4
_MONTHS: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Quarter of a year; `number` is 1 to 4."""

    year: int
    number: int

    def __str__(self) -> str:
        """Return its name, like `2026-Q4`."""
        return f"{self.year}-Q{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a name like `2026-Q4`. Raises ValueError."""
        match = _NAME.fullmatch(text.strip().upper())
        if match is None:
            raise ValueError("must be a quarter like 2026-Q4")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, unix_seconds: int) -> Self:
        """Return the quarter of a time."""
        at = datetime.fromtimestamp(unix_seconds, UTC)
        return cls(at.year, (at.month - 1) // _MONTHS + 1)

    @property
    def since(self) -> int:
        """First second, in Unix seconds."""
        month = (self.number - 1) * _MONTHS + 1
        return int(datetime(self.year, month, 1, tzinfo=UTC).timestamp())

    @property
    def before(self) -> int:
        """First second after it, in Unix seconds."""
        return self.shifted(1).since

    def shifted(self, count: int) -> "Quarter":
        """Return the quarter that many later, or earlier if negative."""
        index = self.year * _QUARTERS + self.number - 1 + count
        return Quarter(index // _QUARTERS, index % _QUARTERS + 1)
