# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Running health checks: order, time-outs, and failures."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from msrv import translations
from msrv.health_checks import findings
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    OtherClock,
    Outcome,
    failed,
    in_thread,
    passed,
    run_checks,
    skew,
    summary,
    warned,
)
from msrv.health_checks.table import FRESH_SECONDS, LatestResults
from msrv.translations import deferred
from tests.health_checks.conftest import MakeContext
from tests.store_process import ROOT


async def test_results_are_in_the_order_of_the_checks(
    context: MakeContext,
) -> None:
    second_is_done = asyncio.Event()

    async def slow(_: CheckContext) -> Sequence[Finding]:
        await second_is_done.wait()
        return [passed("one"), warned("two", "do this")]

    async def quick(_: CheckContext) -> Sequence[Finding]:
        second_is_done.set()
        return [failed("three", "do that")]

    async def silent(_: CheckContext) -> Sequence[Finding]:
        return []

    found = await run_checks(
        {"slow": slow, "quick": quick, "silent": silent}, context()
    )
    assert [(each.name, each.finding.text) for each in found] == [
        ("slow", "one"),
        ("slow", "two"),
        ("quick", "three"),
    ]
    assert summary(found) == "1 passed, 1 warning, 1 failure"


async def test_hanging_check_fails_and_the_others_do_not(
    context: MakeContext,
) -> None:
    async def hanging(_: CheckContext) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    async def hung_disk(_: CheckContext) -> Sequence[Finding]:
        await in_thread(threading.Event().wait)
        return []

    async def good(_: CheckContext) -> Sequence[Finding]:
        return [passed("good")]

    found = await run_checks(
        {"a": hanging, "b": hung_disk, "c": good},
        context(),
        timeout_seconds=0.2,
    )
    assert [each.finding.outcome for each in found] == [
        Outcome.FAIL,
        Outcome.FAIL,
        Outcome.PASS,
    ]
    assert found[0].finding.text == "no answer within 0.2 s"


def test_process_ends_although_a_disk_hangs() -> None:
    program = (
        "import asyncio, threading\n"
        "from msrv.health_checks.findings import in_thread\n"
        "async def main():\n"
        "    try:\n"
        "        async with asyncio.timeout(0.1):\n"
        "            await in_thread(threading.Event().wait)\n"
        "    except TimeoutError:\n"
        "        print('timed out')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout == b"timed out\n"


async def test_bug_in_a_check_is_a_failure_without_its_text(
    context: MakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: CheckContext) -> Sequence[Finding]:
        raise ValueError("a secret")

    (found,) = await run_checks({"broken": broken}, context())
    assert found.finding.text == "the check itself failed (ValueError)"
    assert "the check of broken failed" in caplog.text


async def test_errors_of_a_thread_are_raised() -> None:
    with pytest.raises(FileNotFoundError):
        await in_thread(open, "/does/not/exist")


@pytest.mark.parametrize(
    ("before", "after", "theirs", "resolution", "outcome", "direction"),
    [
        (100.0, 101.0, 100.5, 0, None, ""),
        (100.0, 101.0, 99.0, 1, None, ""),
        (100.0, 101.0, 98.0, 0, None, ""),
        (100.0, 101.0, 97.9, 0, Outcome.WARN, "ahead of"),
        (100.0, 101.0, 103.1, 0, Outcome.WARN, "behind"),
        (100.0, 101.0, 161.0, 0, Outcome.WARN, "behind"),
        (100.0, 101.0, 162.0, 0, Outcome.FAIL, "behind"),
        (100.0, 101.0, 1.0, 1, Outcome.FAIL, "ahead of"),
        # A slow answer says less.
        (100.0, 200.0, 150.0, 0, None, ""),
    ],
)
def test_skew_of_clocks(
    before: float,
    after: float,
    theirs: float,
    resolution: float,
    outcome: Outcome | None,
    direction: str,
) -> None:
    found = skew(OtherClock.STRIPE, before, after, theirs, resolution)
    assert [each.outcome for each in found] == ([outcome] if outcome else [])
    assert all(direction in each.text for each in found)


async def test_latest_results_are_a_minute_old_at_most(
    context: MakeContext,
) -> None:
    runs = 0
    now = 0.0

    async def count(_: CheckContext) -> Sequence[Finding]:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)
        return [passed(str(runs))]

    latest = LatestResults(context(), {"count": count}, ticks=lambda: now)
    await asyncio.gather(*(latest.get() for _ in range(5)))
    assert runs == 1
    now = FRESH_SECONDS - 1
    assert (await latest.get())[0].finding.text == "1"
    now = FRESH_SECONDS
    assert (await latest.get())[0].finding.text == "2"


def test_time_out_of_a_check_is_shorter_than_a_visitor_waits() -> None:
    assert findings.TIMEOUT_SECONDS <= 10


def test_finding_is_in_the_language_of_each_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Results are kept for a minute, and shown to whoever asks."""
    german = {
        "port %(number)s": "Port %(number)s",
        "%(where)s is free": "%(where)s ist frei",
    }
    monkeypatch.setattr(
        translations,
        "translate",
        lambda message: (
            german[message]
            if translations.current_language().texts == "de"
            else message
        ),
    )
    found = passed(
        deferred(
            "%(where)s is free", where=deferred("port %(number)s", number=80)
        )
    )
    assert found.text == "port 80 is free"
    with translations.language_set_to(translations.Language("de", "de")):
        assert found.text == "Port 80 ist frei"
    assert found.text == "port 80 is free"
