# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""State of the certificate, as the commands and the pages show it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_DAY_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The certificate, and what is planned. Times are aware.

    `problem` is why the last attempt failed, and None after a success.
    """

    names: tuple[str, ...]
    directory: str
    expires_at: datetime | None = None
    next_at: datetime | None = None
    failures: int = 0
    problem: str | None = None

    @property
    def is_missing(self) -> bool:
        """True if there is no certificate yet."""
        return self.expires_at is None

    def summary(self, now: datetime) -> str:
        """Return the state in a few words."""
        if self.expires_at is None:
            return f"waiting for a certificate from {self._authority}"
        days = (self.expires_at - now).total_seconds() // _DAY_SECONDS
        if days < 0:
            return f"the certificate expired on {self.expires_at:%Y-%m-%d}"
        return (
            f"certificate valid until {self.expires_at:%Y-%m-%d}, "
            f"{int(days)} days left"
        )

    def lines(self, now: datetime) -> list[tuple[str, str]]:
        """Return the state in lines, each with its name."""
        lines = [
            ("names", ", ".join(self.names)),
            ("authority", self.directory),
            ("state", self.summary(now)),
        ]
        if self.next_at is not None:
            waits = self.problem is not None or self.is_missing
            name = "next try" if waits else "renewal"
            lines.append((name, f"{self.next_at:%Y-%m-%d %H:%M} UTC"))
        if self.problem:
            lines.append(("problem", self.problem))
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return the members for programs; times in ISO 8601, UTC."""
        return {
            "names": list(self.names),
            "directory": self.directory,
            "expires_at": _iso(self.expires_at),
            "next_at": _iso(self.next_at),
            "failures": self.failures,
            "problem": self.problem,
        }

    def is_valid(self, now: datetime) -> bool:
        """Return whether there is a certificate that hasn't expired."""
        return self.expires_at is not None and now < self.expires_at

    @property
    def _authority(self) -> str:
        return self.directory.split("/")[2]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
