# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Withdrawals: two steps, a confirmation, and what ends or doesn't."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from msrv.ledger.db import order_queries
from msrv.ledger.errors import SpoolFailed
from msrv.ledger.reversals.event import REFUND, Reversal
from msrv.mail.rendering import MailRenderer
from msrv.mail.withdrawal_mail import WithdrawalMail
from msrv.orders.legal.consents import VERSIONS
from msrv.proofs.consents import wording_sha256
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.web.legal.sent_withdrawals import (
    JSON,
    MAIL,
    PERSON,
    buy,
    outbox,
    withdraw,
    withdrawals,
)
from tests.web.purchases import path_of


@pytest.fixture
def mailing(settings: Settings, library: Path) -> Settings:
    """Settings of a store that sends mail, to a server that is away."""
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write(
            '\n[legal]\nwithdrawal = "withdrawal.md"\nconsent = "asked"\n'
        )
    (library / "withdrawal.md").write_text("Fourteen days.", encoding="utf-8")
    return settings.model_copy(
        update={
            "smtp_url": SecretStr("smtp://127.0.0.1:9"),
            "mail_from": "shop@example.org",
            "public_url": None,
            "notify": ("seller@example.org",),
        }
    )


@pytest.fixture
async def store(start_store: StartStore, mailing: Settings) -> Client:
    """That store."""
    return await start_store(mailing)


async def test_withdrawal_of_a_receipt_ends_its_downloads(
    store: Client,
) -> None:
    bought = await buy(store)
    path = f"{bought['path']}/withdraw"
    page = await (await store.get(bought["path"])).text()
    assert f'href="{path}"' in page
    assert 'href="/withdraw"' in page.partition('class="colophon"')[2]
    first = await (await store.get(path)).text()
    assert "Confirm withdrawal" not in first
    second = await (await store.post(path, data=PERSON)).text()
    assert "Confirm withdrawal" in second
    assert bought["order_id"][:4] in second
    (link,) = bought["downloads"].values()
    assert (await store.get(path_of(link))).status == 200
    assert outbox(store) == []
    done = await withdraw(store, path)
    assert done["outcome"] == "ended"
    assert done["received_at"] == store.app[STORE].clock()
    # A second click, and a reload, are the same withdrawal.
    assert (await withdraw(store, path))["outcome"] == "ended"
    await store.app[STORE].ledger.sync_now()
    assert (await store.get(path_of(link))).status == 410
    (held,) = await withdrawals(store)
    async with store.app[STORE].ledger.read_transaction() as connection:
        history = await order_queries.order_history(
            connection, bought["order_id"]
        )
    assert (held.order_id, held.outcome) == (bought["order_id"], "ended")
    assert held.is_known
    assert held.handled_at_ms is None
    # No money was moved.
    assert history is not None
    assert all(line.refunded for line in history.order.lines)
    assert history.order.refunded_minor == 0
    # And the receipt says what is so, before and after the refund.
    page = await (await store.get(bought["path"])).text()
    assert "Withdrawn: its download links no longer work." in page
    assert "Refunded" not in page
    shown = await (await store.get(bought["path"], headers=JSON)).json()
    assert [each["ended"] for each in shown["items"]] == ["withdrawn"]
    ledger, now = store.app[STORE].ledger, store.app[STORE].clock()
    await ledger.record(
        Reversal(
            "simulated",
            "re_1",
            bought["order_id"],
            REFUND,
            "succeeded",
            amount_minor=700,
            paid_minor=700,
            created_at=now,
            seen_at=now,
            by="studio-1",
        )
    )
    await ledger.sync_now()
    page = await (await store.get(bought["path"])).text()
    assert "Refunded: its download links no longer work." in page
    assert "Withdrawn" not in page


async def test_statement_sent_again_keeps_its_time_and_outcome(
    store: Client, clock: Clock
) -> None:
    bought = await buy(store)
    paths = (f"{bought['path']}/withdraw", "/withdraw")
    first = [await withdraw(store, path, order="A" * 24) for path in paths]
    assert [each["outcome"] for each in first] == ["ended", "unproved"]
    await store.app[STORE].ledger.wait_until_synced()
    clock.now += 1
    again = [await withdraw(store, path, order="A" * 24) for path in paths]
    assert len(outbox(store)) == 4
    clock.now += 20 * 86_400  # when it would be late
    again += [await withdraw(store, path, order="A" * 24) for path in paths]
    assert again == [*first, *first]
    # A mail to another address confirms the same, and is a new mail.
    other = {"mail": "kim@example.com"}
    assert await withdraw(store, paths[0], **other) == first[0]
    (mail,) = (each for each in outbox(store) if each.to == other["mail"])
    assert mail.received_at == first[0]["received_at"]
    assert mail.written_at == clock.now
    assert mail.outcome == "ended"
    assert len(await withdrawals(store)) == 2


async def test_both_sides_get_the_statement_and_its_time(
    store: Client,
) -> None:
    bought = await buy(store)
    await withdraw(store, f"{bought['path']}/withdraw")
    sent = {each.to: each for each in outbox(store)}
    assert set(sent) == {MAIL, "seller@example.org"}
    worker = store.app[STORE].mail
    assert worker is not None
    for to, part in (
        (MAIL, "what you paid will be refunded"),
        ("seller@example.org", "/studio/withdrawals"),
    ):
        mail = sent[to]
        assert WithdrawalMail.from_fields(json.loads(mail.to_json())) == mail
        renderer = MailRenderer(
            store.app[STORE].keyring, _sender("shop@example.org")
        )
        message = renderer.render(mail)
        assert message["To"] == to
        for body in message.iter_parts():
            text = body.get_content()
            assert bought["order_id"] in text
            assert "I withdraw from the contract of this order." in text
            assert re.sub(r"\s+", " ", part) in re.sub(r"\s+", " ", text)
            assert "Kim O" in text
            assert "/purchases/" not in text


def _sender(text: str) -> Any:  # noqa: ANN401 - an Address
    from msrv.mail import addresses  # noqa: PLC0415

    return addresses.parse_sender(text)


async def test_right_that_was_given_up_or_is_over_is_for_the_seller(
    store: Client,
) -> None:
    agreed = wording_sha256(VERSIONS[-1]["en"])
    bought = await buy(store, consent=agreed)
    path = f"{bought['path']}/withdraw"
    page = await (await store.get(path)).text()
    assert "which ended the right of withdrawal" in page
    assert (await withdraw(store, path))["outcome"] == "consented"
    (link,) = bought["downloads"].values()
    assert (await store.get(path_of(link))).status == 200


async def test_order_number_ends_nothing_and_tells_nothing(
    store: Client,
) -> None:
    bought = await buy(store)
    number = bought["order_id"]
    spaced = " ".join(number[at : at + 4] for at in range(0, 24, 4)).lower()
    known = await withdraw(store, "/withdraw", order=spaced)
    unknown = await withdraw(store, "/withdraw", order="A" * 24)
    assert known["outcome"] == unknown["outcome"] == "unproved"
    assert set(known) == set(unknown)
    (link,) = bought["downloads"].values()
    assert (await store.get(path_of(link))).status == 200
    for _ in range(8):
        form = {**PERSON, "confirm": "1", "order": number}
        last = await store.post("/withdraw", data=form)
    assert last.status == 429
    assert int(last.headers["Retry-After"]) > 0
    # Which keeps nobody from withdrawing by a receipt.
    path = f"{bought['path']}/withdraw"
    assert (await withdraw(store, path))["outcome"] == "ended"


async def test_free_receipt_is_limited_as_an_order_number_is(
    store: Client,
) -> None:
    """It costs nothing, and would mail any number of strangers."""
    free = await buy(store, item="zine", total_minor="0")
    paid = await buy(store)
    state = store.app[STORE]
    limiter = state.limits.withdrawals
    assert limiter.total is not None
    for stranger in range(limiter.total.burst):
        limiter.acquire(stranger, now=state.clock())
    form = {**PERSON, "confirm": "1"}
    refused = await store.post(f"{free['path']}/withdraw", data=form)
    assert refused.status == 429
    assert outbox(store) == []
    done = await withdraw(store, f"{paid['path']}/withdraw")
    assert done["outcome"] == "ended"


async def test_wrong_fields_are_named_and_nothing_is_lost(
    store: Client,
) -> None:
    for wrong, message in (
        ({"order": "1234"}, "Must be the number on the receipt"),
        ({"name": ""}, "Must be a name"),
        ({"name": "See https://spam.example"}, "Must be a name"),
        ({"mail": "nobody"}, "Must be an email address"),
        ({"mail": ""}, "Must be an email address"),
    ):
        form = {**PERSON, "order": "A" * 24, **wrong}
        answer = await store.post("/withdraw", data=form)
        page = await answer.text()
        assert answer.status == 422
        assert message in page
        kept = "order" if "order" not in wrong else "name"
        assert f'name="{kept}"' in page
        assert form[kept].replace("'", "&#39;") in page
    assert outbox(store) == []


async def test_store_without_mail_withdraws_by_receipt_alone(
    start_store: StartStore, mailing: Settings
) -> None:
    store = await start_store(
        mailing.model_copy(update={"smtp_url": None, "notify": ()})
    )
    page = await (await store.get("/withdraw")).text()
    assert "Open your receipt" in page
    form = {**PERSON, "order": "A" * 24, "confirm": "1"}
    assert (await store.post("/withdraw", data=form)).status == 404
    bought = await buy(store)
    form = {"name": "Kim", "confirm": "1"}
    page = await (
        await store.post(f"{bought['path']}/withdraw", data=form)
    ).text()
    assert "print or save this page" in page


async def test_full_disk_records_nothing_and_can_be_tried_again(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the mails have a statement's name and address."""
    state = store.app[STORE]
    assert state.mail is not None
    form = {**PERSON, "order": "A" * 24, "confirm": "1"}
    folder = state.settings.data / "outbox"
    folder.rename(folder.with_name("away"))
    folder.write_text("not a folder")
    refused = await store.post("/withdraw", data=form)
    page = await refused.text()
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "300"
    assert "on its way to you" not in page
    assert "Confirm withdrawal" in page
    assert state.mail.dropped == 1
    folder.unlink()
    folder.with_name("away").rename(folder)

    async def fail() -> None:
        raise SpoolFailed("MSRV_DATA: can't write to data: No space left")

    with monkeypatch.context() as full:
        full.setattr(state.ledger._spool, "reserve", fail)
        assert (await store.post("/withdraw", data=form)).status == 503
    assert outbox(store) == []
    await state.ledger.sync_now()
    assert await withdrawals(store) == ()
    assert (await withdraw(store, "/withdraw", **form))["outcome"]
    assert len(outbox(store)) == 2


async def test_store_without_an_address_of_its_seller_needs_the_receipt(
    start_store: StartStore, mailing: Settings, library: Path
) -> None:
    """Nobody would learn of a statement by order number."""
    config = library / "store.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("hello@example.org", "https://example.org/contact"),
        encoding="utf-8",
    )
    store = await start_store(mailing.model_copy(update={"notify": ()}))
    page = await (await store.get("/withdraw")).text()
    assert "Open your receipt" in page
    assert "https://example.org/contact" in page
    assert 'name="order"' not in page
    form = {**PERSON, "order": "A" * 24, "confirm": "1"}
    assert (await store.post("/withdraw", data=form)).status == 404
    bought = await buy(store)
    done = await withdraw(store, f"{bought['path']}/withdraw")
    assert done["outcome"] == "ended"
    assert [each.to for each in outbox(store)] == [MAIL]


async def test_store_without_the_text_has_no_withdrawals(
    start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    assert (await store.get("/withdraw")).status == 404
    assert "/withdraw" not in await (await store.get("/")).text()
