# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Findings of health checks, and running several checks at once.

A check is a small async function with a time-out of its own. It changes
nothing, and no finding contains a secret or a buyer's data.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.translations import (
    DeferredText,
    deferred,
    gettext,
    gettext_noop,
    ngettext,
)

log = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 10.0
"""Time-out of one check."""

_SKEW_SECONDS: Final = 2.0
"""Replicas have to agree to about a second."""
_WRONG_SECONDS: Final = 60.0


class OtherClock(StrEnum):
    """Clock that this machine's is compared with."""

    DATABASE = "database"
    STRIPE = "Stripe"


_AHEAD: Final = {
    OtherClock.DATABASE: gettext_noop(
        "this machine's clock is %(seconds)s s ahead of the database's"
    ),
    OtherClock.STRIPE: gettext_noop(
        "this machine's clock is %(seconds)s s ahead of Stripe's"
    ),
}
_BEHIND: Final = {
    OtherClock.DATABASE: gettext_noop(
        "this machine's clock is %(seconds)s s behind the database's"
    ),
    OtherClock.STRIPE: gettext_noop(
        "this machine's clock is %(seconds)s s behind Stripe's"
    ),
}

_Result = TypeVar("_Result")


class Outcome(StrEnum):
    """Outcome of a check, from good to bad."""

    PASS = gettext_noop("Pass")
    WARN = gettext_noop("Warn")
    FAIL = gettext_noop("Fail")


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding of a check: a phrase, and how to fix it, empty for a Pass.

    Both are translated where they are shown: one finding is kept for all
    languages.
    """

    outcome: Outcome
    message: str | DeferredText
    remedy: str | DeferredText = ""

    @property
    def text(self) -> str:
        """Phrase in the current language."""
        return str(self.message)

    @property
    def fix(self) -> str:
        """Remedy in the current language; empty for a Pass."""
        return str(self.remedy)


_LABELS: Final[Mapping[str, str]] = {"rights": gettext_noop("permissions")}
"""Labels of checks whose names in the JSON aren't shown to people."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A finding, under the name of its check."""

    name: str
    finding: Finding

    @property
    def label(self) -> str:
        """The check's name for people, in English, to be translated."""
        return _LABELS.get(self.name, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """Context that all checks share.

    `clock` returns Unix seconds. `serving` is True in the process of the
    store, which holds its own port. `mail_to` is the address that a test
    mail goes to; without it, none is sent.
    """

    settings: Settings
    keyring: Keyring
    clock: Callable[[], float] = time.time
    serving: bool = False
    mail_to: str | None = None


Check = Callable[[CheckContext], Awaitable[Sequence[Finding]]]


def passed(text: str | DeferredText) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(Outcome.PASS, text)


def warned(text: str | DeferredText, fix: str | DeferredText) -> Finding:
    """Return a finding that the operator should look at."""
    return Finding(Outcome.WARN, text, fix)


def failed(text: str | DeferredText, fix: str | DeferredText) -> Finding:
    """Return a finding that keeps something from working."""
    return Finding(Outcome.FAIL, text, fix)


def skew(
    whose: OtherClock,
    before: float,
    after: float,
    theirs: float,
    resolution_seconds: float,
) -> list[Finding]:
    """Return a finding if another clock can't have this machine's time.

    The other clock was read between `before` and `after`, and its time is
    rounded down by up to `resolution_seconds`.
    """
    ahead = before - (theirs + resolution_seconds)
    behind = theirs - after
    seconds = max(ahead, behind)
    if seconds <= _SKEW_SECONDS:
        return []
    finding = failed if seconds > _WRONG_SECONDS else warned
    return [
        finding(
            deferred(
                _AHEAD[whose] if ahead > behind else _BEHIND[whose],
                seconds=f"{seconds:.0f}",
            ),
            deferred("synchronize both clocks (timedatectl set-ntp true)"),
        )
    ]


async def run_checks(
    checks: Mapping[str, Check],
    context: CheckContext,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> list[CheckResult]:
    """Run checks at once, and return their findings in the checks' order."""

    async def run(name: str, check: Check) -> Sequence[Finding]:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await check(context)
        except TimeoutError:
            return [
                failed(
                    deferred(
                        "no answer within %(seconds)s s",
                        seconds=f"{timeout_seconds:g}",
                    ),
                    deferred(
                        "check whether the disk or the network hangs, "
                        "and repeat"
                    ),
                )
            ]
        except Exception as error:
            # A bug in one check must not hide what the others found.
            log.exception("the check of %s failed", name)
            return [
                failed(
                    deferred(
                        "the check itself failed (%(error)s)",
                        error=type(error).__name__,
                    ),
                    deferred("report this with the store's log"),
                )
            ]

    found = await asyncio.gather(*(run(*each) for each in checks.items()))
    return [
        CheckResult(name, finding)
        for name, findings in zip(checks, found, strict=True)
        for finding in findings
    ]


def as_row(result: CheckResult) -> dict[str, str]:
    """Return a result as JSON members."""
    finding = result.finding
    return {
        "check": result.name,
        "outcome": finding.outcome.value.lower(),
        "text": finding.text,
        "fix": finding.fix,
    }


def summary(results: Sequence[CheckResult]) -> str:
    """Return how many findings there are of each outcome."""
    counts = Counter(each.finding.outcome for each in results)
    return gettext(
        "%(passed)s, %(warnings)s, %(failures)s",
        passed=ngettext(
            "%(num)s passed", "%(num)s passed", counts[Outcome.PASS]
        ),
        warnings=ngettext(
            "%(num)s warning", "%(num)s warnings", counts[Outcome.WARN]
        ),
        failures=ngettext(
            "%(num)s failure", "%(num)s failures", counts[Outcome.FAIL]
        ),
    )


async def in_thread(call: Callable[..., _Result], *args: object) -> _Result:
    """Return the result of a call that blocks, made in a thread of its own.

    A disk may hang for good. Such a thread keeps neither this process from
    ending nor one of the threads that the store serves from.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def set_result(result: _Result | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # of the call

    def run() -> None:
        result, error = None, None
        try:
            result = call(*args)
        except Exception as raised:  # noqa: BLE001 - raised where it is awaited
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(set_result, result, error)

    threading.Thread(target=run, name="health check", daemon=True).start()
    return await future
