# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A leak of NONCE, rehearsed: every order is signed again and mailed once."""

import dataclasses
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from msrv.catalog.model import Shop
from msrv.ledger.connection_rules import DEFAULT_RULES
from msrv.ledger.db import commands, projection, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.events import Sale, SoldLine
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from msrv.mail.rendering import Mail
from msrv.orders.fulfilment import receipt_of
from msrv.orders.reissues import reissued_orders
from msrv.orders.reissues.reissued_orders import Disposition, Reissue
from msrv.payments.provider import ArchivedPayment, ProviderUnavailable
from msrv.payments.registry import FreeProvider, Providers
from msrv.proofs import receipts
from msrv.proofs.encoding import encode, to_json
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import new_order_id
from tests.conftest import NONCE

ORDERS = 10_000
NOW = 1_800_000_000
SHOP = Shop(name="Wet Coats")


class Archive:
    """A provider's record of who paid."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stated: dict[str, object] = {}
        self.fails_at: set[int] = set()

    async def payments_of(self, address: str) -> tuple[ArchivedPayment, ...]:
        raise NotImplementedError

    async def buyer_of(self, payment: str) -> tuple[str, str]:
        self.asked.append(payment)
        if len(self.asked) in self.fails_at:
            raise ProviderUnavailable("till", "down")
        number = int(payment.removeprefix("pi_"))
        if number % 100 == 0:
            return "", ""
        stated = {"gift": "x"} if number % 100 == 1 else self.stated
        return f"buyer{number}@example.org", f"{encode(to_json(stated))}.tag"


class Till(FreeProvider):
    """A provider that keeps a record."""

    name = "till"

    def __init__(self) -> None:
        self.archive = Archive()  # type: ignore[assignment] # None in the base


class Outage(Exception):
    """The process was killed."""


class ListedOutbox(Outbox):
    """An outbox that remembers what was added, and may fail."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mails: dict[str, ReceiptMail] = {}
        self.fails_at: int | None = None

    def add(self, mail: Mail, *, is_bulk: bool = False) -> bool:
        assert is_bulk
        assert isinstance(mail, ReceiptMail)
        if len(self.mails) == self.fails_at:
            self.fails_at = None
            raise OSError(28, "No space left on device")
        return self.mails.setdefault(mail.mail_id, mail) is mail


@pytest.fixture(scope="module")
def new_keys() -> Keyring:
    """Keys of the NONCE after the leak."""
    return Keyring.from_nonces(f"{NONCE}, replaced")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty ledger."""
    found = Database.open(None, tmp_path, DEFAULT_RULES)
    await schema_upgrade.prepare_schema(found)
    yield found
    await found.close()


async def sell(database: Database, count: int) -> list[Sale]:
    """Record orders: some free, some in test mode, one refunded."""
    rand = random.Random(1).randbytes  # noqa: S311 - the same each time
    sales = [
        Sale(
            order_id=new_order_id(rand),
            sold_at=NOW - count + number,
            provider="free" if number % 50 == 7 else "till",
            currency="EUR",
            lines=(SoldLine("departure", number % 50, "Departure"),),
            reference=f"pi_{number}",
        )
        for number in range(count)
    ]
    for at in range(0, count, 1000):
        async with database.write_transaction() as connection:
            await projection.apply_events(connection, sales[at : at + 1000])
    await commands.revoke_order(
        database, sales[5].order_id, by="cli", now_ms=NOW * 1000
    )
    return sales


def reissue(
    database: Database, keys: Keyring, till: Till, per_second: float = 1e9
) -> Reissue:
    return Reissue(
        database=database,
        keyring=keys,
        providers=Providers(FreeProvider(), till),
        shop=SHOP,
        base_url="https://shop.example",
        clock=lambda: NOW,
        look_ups_per_second=per_second,
        sleep=_no_sleep,
    )


async def _no_sleep(seconds: float) -> None:
    assert seconds > 0


@pytest.mark.slow
async def test_ten_thousand_orders_are_reissued_once_through_every_failure(
    database: Database,
    tmp_path: Path,
    new_keys: Keyring,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sales = await sell(database, ORDERS)
    till, outbox = Till(), ListedOutbox(tmp_path / "outbox")
    work = reissue(database, new_keys, till)
    plan = Counter(
        [each.outcome async for batch in work.plan() for each in batch]
    )
    assert plan == {
        Disposition.TO_LOOK_UP: ORDERS - ORDERS // 50 - 1,
        Disposition.NO_ADDRESS: ORDERS // 50,
        Disposition.REFUNDED: 1,
    }
    assert not till.archive.asked  # type: ignore[attr-defined]
    # It fails in every way: the disk, the provider, and killed before a mark.
    outbox.fails_at = 1234
    archive: Archive = till.archive  # type: ignore[assignment]
    archive.fails_at = {*range(4000, 4010), 5000}
    mark, marked = Reissue._mark, 0

    async def killed_once(self: Reissue, mails: list[ReceiptMail]) -> None:
        nonlocal marked
        marked += 1
        if marked == 30:
            raise Outage
        await mark(self, mails)

    monkeypatch.setattr(Reissue, "_mark", killed_once)
    stops = []
    while True:
        try:
            done = [
                each async for batch in work.send(outbox) for each in batch
            ]
            break
        except (OSError, ProviderUnavailable, Outage) as error:
            stops.append(type(error))
    assert stops == [OSError, ProviderUnavailable, Outage]
    # Each buyer has one mail, with a receipt that the new keys open.
    mailed = {each.receipt.order_id for each in outbox.mails.values()}
    wanted = {
        each.order_id
        for number, each in enumerate(sales)
        if each.provider == "till"
        and number % 100 not in {0, 1}
        and number != 5
    }
    assert mailed == wanted
    assert len(outbox.mails) == len(wanted)
    (one, *_) = outbox.mails.values()
    assert one.kind is MailKind.REISSUED
    assert one.mail_id.startswith(f"{one.receipt.order_id}-reissued-")
    read = ReceiptMail.from_json(one.to_json())
    assert (read.kind, read.receipt) == (one.kind, one.receipt)
    outcomes = Counter(each.outcome for each in done)
    assert outcomes[Disposition.GIFT] == ORDERS // 100
    assert outcomes[Disposition.NO_ADDRESS] == ORDERS // 50 + ORDERS // 100
    for each in done[:20]:
        token = receipts.sign(new_keys, each.receipt)
        assert receipts.read(new_keys, token) == receipt_of(each.order)
        with pytest.raises(Forged):
            receipts.read(keyring, token)
    # Once more: nobody is asked for, or mailed, again.
    before, mails = len(archive.asked), len(outbox.mails)
    again = Counter(
        [each.outcome async for batch in work.send(outbox) for each in batch]
    )
    assert again[Disposition.MAILED] == 0
    assert again[Disposition.DONE_BEFORE] == len(wanted)
    # Those without an address, and gifts: there may be one by now.
    assert len(archive.asked) - before == 2 * (ORDERS // 100)
    assert len(outbox.mails) == mails


async def test_look_ups_are_paced_and_days_left_out(
    database: Database, tmp_path: Path, new_keys: Keyring
) -> None:
    await sell(database, 40)
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    work = Reissue(
        database=database,
        keyring=new_keys,
        providers=Providers(FreeProvider(), Till()),
        shop=SHOP,
        base_url="https://shop.example",
        clock=lambda: NOW,
        before=NOW - 20,
        look_ups_per_second=4,
        sleep=sleep,
        timer=lambda: 100.0 + sum(waited),
    )
    outbox = Outbox(tmp_path / "outbox")
    found = [each async for batch in work.send(outbox) for each in batch]
    assert len(found) == 20
    asked = sum(
        each.outcome is not Disposition.REFUNDED
        and each.order.provider == "till"
        for each in found
    )
    assert sum(waited) == pytest.approx((asked - 1) / 4)
    # They are in the outbox, in a form that the worker sends.
    assert len(outbox.pending()) == sum(
        each.outcome is Disposition.MAILED for each in found
    )
    assert reissued_orders.BATCH > 20


@pytest.mark.parametrize(
    ("stated", "language"),
    [
        ({"lang": "fr"}, "fr"),
        ({"lang": "fr/fr_CA"}, "fr/fr_CA"),
        ({"lang": "xx"}, "de"),
        ({"lang": 1}, "de"),
        ({}, "de"),
    ],
)
async def test_receipt_is_mailed_in_the_language_of_its_purchase(
    database: Database,
    tmp_path: Path,
    new_keys: Keyring,
    stated: dict[str, object],
    language: str,
) -> None:
    await sell(database, 6)
    till, outbox = Till(), ListedOutbox(tmp_path / "outbox")
    archive: Archive = till.archive  # type: ignore[assignment]
    archive.stated = stated
    work = dataclasses.replace(
        reissue(database, new_keys, till), shop=Shop(language="de")
    )
    async for _ in work.send(outbox):
        pass
    assert {each.language for each in outbox.mails.values()} == {language}
