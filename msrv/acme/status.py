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
    `missing_names` are those of `names` that the certificate on disk doesn't
    state. If it states none of them, it isn't served, and its expiry isn't
    that of the store.
    """

    names: tuple[str, ...]
    directory: str
    expires_at: datetime | None = None
    next_at: datetime | None = None
    failures: int = 0
    problem: str | None = None
    missing_names: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """True if there is no certificate yet that states all names."""
        return self.expires_at is None or bool(self.missing_names)

    def summary(self, now: datetime) -> str:
        """Return the state in a few words."""
        state = self._validity(now)
        if not self.missing_names:
            return state
        which = "the present one" if self.expires_at is None else "it"
        return f"{state}; {which} doesn't name {', '.join(self.missing_names)}"

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
            "missing_names": list(self.missing_names),
        }

    def is_valid(self, now: datetime) -> bool:
        """Return whether a certificate for all names hasn't expired."""
        return (
            self.expires_at is not None
            and now < self.expires_at
            and not self.missing_names
        )

    def _validity(self, now: datetime) -> str:
        if self.expires_at is None:
            return f"waiting for a certificate from {self._authority}"
        days = (self.expires_at - now).total_seconds() // _DAY_SECONDS
        if days < 0:
            return f"the certificate expired on {self.expires_at:%Y-%m-%d}"
        return (
            f"certificate valid until {self.expires_at:%Y-%m-%d}, "
            f"{int(days)} days left"
        )

    @property
    def _authority(self) -> str:
        return self.directory.split("/")[2]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
