# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Statements of a week and of a month."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from msrv.ledger.events import Revoked
from msrv.ledger.reversals.event import Reversal
from msrv.notifications import statements
from msrv.proofs.keyring import Keyring
from msrv.web.store import Store
from tests.conftest import Clock
from tests.ledger.sample_events import TAX, order_id
from tests.notifications.replicas import (
    DAY,
    Replica,
    record,
    sold,
)


async def test_statements_are_sent_once_for_each_week_and_month(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    monday = int(datetime(2027, 3, 1, 6, tzinfo=UTC).timestamp())
    midnight = monday - statements.SETTLED_SECONDS
    clock.now = midnight + 3600
    one = Replica(shop, tmp_path / "one", keyring)
    two = Replica(shop, tmp_path / "two", keyring)
    await one.notifier.tell_statements()
    clock.now = monday
    await one.notifier.tell_statements()
    assert one.mails == []
    await record(
        shop,
        replace(sold(1, monday, 700, 300), tax=TAX),
        Reversal(
            provider="stripe",
            reversal_id="re_1",
            order_id=order_id(1),
            kind="refund",
            status="succeeded",
            amount_minor=400,
            paid_minor=1000,
            created_at=monday + DAY,
            seen_at=monday + DAY,
            by="stripe",
        ),
        sold(3, monday + 7 * DAY, 900),
    )
    clock.now = monday + 7 * DAY - 1
    await one.notifier.tell_statements()
    assert one.mails == []
    # Late, but not too late.
    await record(
        shop,
        sold(2, midnight + 7 * DAY - 1, 700),
        Revoked(order_id(2), "", (midnight + 7 * DAY - 1) * 1000, "stripe"),
    )
    clock.now = monday + 7 * DAY
    for each in (two, one, two):
        await each.notifier.tell_statements()
    (mail,) = two.mails
    assert one.mails == []
    assert mail.subject.endswith("week from Mar 1, 2027 to Mar 7, 2027")
    found = {
        section.heading: {row.text: row.figure for row in section.rows}
        for section in mail.sections
    }
    assert found["EUR"] == {
        "Sold, 2 orders": "€17.00",
        "Refunded": "€11.00",
        "Kept": "€6.00",
    }
    by_artist = found["By artist, less refunds"]
    assert sum(float(each.strip("€")) for each in by_artist.values()) == 6
    assert found["By country, less refunds"] == {
        "Portugal": "€6.00",
        "Country not known": "€0.00",
    }
    assert found["Best sellers"]["Night-Bus, 2 sold"] == "€14.00"
    clock.now = monday + 14 * DAY
    await one.notifier.tell_statements()
    (empty_but_one,) = one.mails
    assert "Mar 8, 2027" in empty_but_one.subject
    clock.now = monday + 31 * DAY
    await two.notifier.tell_statements()
    assert [each.subject.partition(": ")[2] for each in two.mails[1:]] == [
        "week from Mar 22, 2027 to Mar 28, 2027",
        "statement of March 2027",
    ]


async def test_clock_that_was_ahead_ends_no_statements(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    one = Replica(shop, tmp_path / "one", keyring)
    await one.notifier.tell_statements()
    now = clock.now
    clock.now += 4000 * DAY
    await one.notifier.tell_statements()
    told = len(one.mails)
    clock.now = now
    for _ in range(3):
        await one.notifier.tell_statements()
    assert len(one.mails) == told
    clock.now += 7 * DAY
    await one.notifier.tell_statements()
    assert len(one.mails) == told + 1
