# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Problems of the store that need the operator, and which were reported.

A problem is reported once, and again after a week if it is still there. What
was reported is in a file in the data folder, so that neither a restart nor
another process that shares the folder reports it again; replicas with data
folders of their own report each for itself.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.files import write_file
from msrv.health_checks.findings import CheckResult, Outcome
from msrv.ledger.health import Status
from msrv.translations import gettext

FILE_NAME: Final = "reported-problems.json"
LEDGER_SECONDS: Final = 15 * 60
"""Time after which an unavailable ledger is a problem: it often recovers."""
AGAIN_SECONDS: Final = 7 * 86_400
GONE_SECONDS: Final = 6 * 3600
"""Time without a problem after which it counts as a new one."""
_CLOCKS_SECONDS: Final = 600
"""Difference of two clocks that is nothing special."""
_WARNED: Final = frozenset({"certificate", "disk"})
"""Checks of which a warning is reported too: it becomes worse by itself."""
_NOT_CHECKED: Final = frozenset({"database"})
"""Checks that are reported otherwise: the ledger's, after some time."""


@dataclass(frozen=True, slots=True)
class StoreProblem:
    """Problem of the store: a key that stays, its text, and how to fix it."""

    key: str
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """Times, in Unix seconds, of a problem's report and its last sighting."""

    told_at: int
    seen_at: int


def find_problems(
    checks: Sequence[CheckResult],
    status: Status,
    ledger_seconds: int,
    *,
    dropped: int,
    failed: int,
) -> list[StoreProblem]:
    """Return the current problems, in the current language.

    `ledger_seconds` is how long the ledger has had its troubles; `dropped`
    and `failed` are mails since the last time.
    """
    found = []
    for each in checks:
        outcome = each.finding.outcome
        if each.name in _NOT_CHECKED or outcome is Outcome.PASS:
            continue
        if outcome is Outcome.FAIL or each.name in _WARNED:
            found.append(
                StoreProblem(
                    f"check {each.name} {outcome.name}",
                    gettext(
                        "%(check)s: %(finding)s",
                        check=gettext(each.label),
                        finding=each.finding.text,
                    ),
                    each.finding.fix,
                )
            )
    if status.troubles and ledger_seconds >= LEDGER_SECONDS:
        found += [
            StoreProblem(
                "ledger",
                gettext("The database is unavailable: %(why)s", why=each),
                gettext(
                    "Sales and downloads continue, and are recorded on this "
                    "machine until the database is available again."
                ),
            )
            for each in status.troubles[:1]
        ]
    if dropped:
        found.append(
            StoreProblem(
                "mails dropped",
                gettext(
                    "Receipts weren't mailed: too many were requested, or "
                    "the disk was full."
                ),
            )
        )
    if failed:
        found.append(
            StoreProblem(
                "mails failed",
                gettext("Mails couldn't be delivered to the mail server."),
                gettext("The studio's health page has the reasons."),
            )
        )
    return found


def new_problems(
    current: Iterable[StoreProblem],
    reported: Mapping[str, Reported],
    now: int,
) -> list[StoreProblem]:
    """Return the problems that are to be reported now."""
    return [
        each
        for each in current
        if each.key not in reported
        or not _is_within(AGAIN_SECONDS, reported[each.key].told_at, now)
    ]


def updated(
    reported: Mapping[str, Reported],
    current: Iterable[StoreProblem],
    told: Iterable[StoreProblem],
    now: int,
) -> dict[str, Reported]:
    """Return what is reported after a report; what is gone is left out."""
    found = {
        key: each
        for key, each in reported.items()
        if _is_within(GONE_SECONDS, each.seen_at, now)
    }
    for problem in current:
        if problem.key in found:
            found[problem.key] = Reported(found[problem.key].told_at, now)
    return found | {each.key: Reported(now, now) for each in told}


def merged(
    one: Mapping[str, Reported], other: Mapping[str, Reported]
) -> dict[str, Reported]:
    """Return what two processes have reported, by the later times."""
    found = dict(one)
    for key, each in other.items():
        known = found.get(key, each)
        found[key] = Reported(
            max(known.told_at, each.told_at), max(known.seen_at, each.seen_at)
        )
    return found


def read_reported(data: Path) -> dict[str, Reported]:
    """Return what was reported; nothing if that can't be read."""
    try:
        fields = json.loads((data / FILE_NAME).read_bytes())
        return {
            str(key): Reported(int(each["told_at"]), int(each["seen_at"]))
            for key, each in fields.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_reported(data: Path, reported: Mapping[str, Reported]) -> None:
    """Store what was reported. Raises OSError."""
    fields = {key: dataclasses.asdict(each) for key, each in reported.items()}
    write_file(data / FILE_NAME, json.dumps(fields).encode("ascii"))


def _is_within(seconds: int, at: int, now: int) -> bool:
    """Return whether a time is within the last `seconds`.

    One of a clock that was ahead, and was set back, isn't.
    """
    return -_CLOCKS_SECONDS <= now - at < seconds
