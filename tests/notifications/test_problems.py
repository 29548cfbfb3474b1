# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Problems of the store, told once by whoever finds them."""

from pathlib import Path

import pytest

from msrv.health_checks.findings import (
    Check,
    CheckContext,
    Finding,
    failed,
    passed,
    warned,
)
from msrv.notifications.problems import (
    AGAIN_SECONDS,
    FILE_NAME,
    LEDGER_SECONDS,
)
from msrv.proofs.keyring import Keyring
from msrv.web.store import Store
from tests.conftest import Clock
from tests.notifications.replicas import (
    Replica,
)


async def test_problem_is_told_once_and_again_when_it_returns(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    findings: dict[str, list[Finding]] = {
        "disk": [passed("room")],
        "clock": [warned("off by 3 s", "set it")],
        "certificate": [passed("valid")],
        "database": [failed("away", "start it")],
    }

    def check(name: str) -> Check:
        async def found(_: CheckContext) -> list[Finding]:
            return findings[name]

        return found

    checks = {name: check(name) for name in findings}
    one = Replica(shop, tmp_path / "one", keyring, checks)
    await one.notifier.tell_problems()
    assert one.mails == []
    findings["disk"] = [warned("1 of 100 GiB free", "free some space")]
    shop.ledger._health.report("database", "it can't be reached")
    clock.now += 900
    await one.notifier.tell_problems()
    (mail,) = one.mails
    ((text, fix),) = [each.rows for each in mail.sections]
    assert text.text == "disk: 1 of 100 GiB free"
    assert fix.text == "free some space"
    # Not again, nor after a restart; but the ledger has been away for long.
    clock.now += LEDGER_SECONDS
    await one.notifier.tell_problems()
    assert len(one.mails) == 2
    assert one.mails[1].sections[0].rows[0].text == (
        "The database is unavailable: it can't be reached"
    )
    shop.ledger._health.clear("database")
    one.notifier._reported = {}  # as after a restart
    await one.notifier.tell_problems()
    findings["disk"] = [passed("room")]
    for _ in range(30):
        clock.now += 900
        await one.notifier.tell_problems()
    assert len(one.mails) == 2
    findings["disk"] = [failed("0 of 100 GiB free", "checkout stops")]
    one.mail.dropped = 3
    clock.now += 900
    await one.notifier.tell_problems()
    assert len(one.mails) == 3
    assert len(one.mails[2].sections[0].rows) == 3
    # A certificate is told of while it is still valid.
    findings["certificate"] = [warned("ends in 6 days", "renew it")]
    clock.now += 900
    await one.notifier.tell_problems()
    assert len(one.mails) == 4
    assert one.mails[3].sections[0].rows[0].text == (
        "certificate: ends in 6 days"
    )


async def test_problem_is_told_once_by_processes_that_share_a_folder(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    findings = [passed("room")]

    async def disk(_: CheckContext) -> list[Finding]:
        return findings

    data = tmp_path / "shared"
    data.mkdir()
    replicas = [
        Replica(shop, tmp_path / name, keyring, {"disk": disk}, data=data)
        for name in ("one", "two")
    ]
    for each in replicas:
        await each.notifier.tell_problems()
    findings[:] = [failed("0 of 100 GiB free", "checkout stops")]
    for _ in range(2):
        clock.now += 900
        for each in replicas:
            await each.notifier.tell_problems()
    assert [len(each.mails) for each in replicas] == [1, 0]
    # Nor is it told again where the file can't be written.
    clock.now += AGAIN_SECONDS
    path = data / FILE_NAME
    path.unlink()
    path.mkdir()
    for _ in range(3):
        with pytest.raises(OSError, match=FILE_NAME):
            await replicas[0].notifier.tell_problems()
        clock.now += 900
    assert len(replicas[0].mails) == 2
    path.rmdir()
    await replicas[0].notifier.tell_problems()
    await replicas[1].notifier.tell_problems()
    assert [len(each.mails) for each in replicas] == [2, 0]


async def test_clock_that_was_ahead_hides_no_problem(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    async def disk(_: CheckContext) -> list[Finding]:
        return [failed("0 of 100 GiB free", "checkout stops")]

    one = Replica(shop, tmp_path / "one", keyring, {"disk": disk})
    now = clock.now
    clock.now += 400 * 86_400
    await one.notifier.tell_problems()
    clock.now = now
    for _ in range(3):
        await one.notifier.tell_problems()
        assert len(one.mails) == 2
        clock.now += 900
