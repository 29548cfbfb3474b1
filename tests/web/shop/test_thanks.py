# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Thank-you notes: on receipts and in their mails, and nowhere else."""

from pathlib import Path

import pytest

from msrv.catalog.texts.thanks import thanks_for
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt
from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.ledger.sample_events import NOON, order_id
from tests.store_parts import ledger_of, store_of

JSON = {"Accept": "application/json"}
RELEASE = "You are a *star*"
STORE = "Come back soon"


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store that thanks for an album and for everything."""
    for file, note in (
        ("Night Bus/release.toml", f"{RELEASE} <script>x</script>"),
        ("store.toml", STORE),
    ):
        path = library / file
        text = path.read_text("utf-8")
        path.write_text(f'thanks = "{note}"\n{text}', encoding="utf-8")
    return await start_store(settings)


def bought(keyring: Keyring, *items: str) -> str:
    """Return the path of a receipt for some items."""
    lines = tuple(Line(item, 100) for item in items)
    receipt = Receipt(order_id(1), NOON, "demo", "EUR", lines)
    return f"/purchases/{receipts.sign(keyring, receipt)}"


@pytest.mark.parametrize("item", ["night-bus", "departure"])
async def test_receipt_thanks_for_the_release_and_for_the_store(
    store: Client, keyring: Keyring, item: str
) -> None:
    path = bought(keyring, item)
    page = await (await store.get(path)).text()
    assert "You are a <em>star</em>" in page
    assert page.index("<em>star</em>") < page.index(STORE)
    assert "<script>x" not in page
    found = await (await store.get(path, headers=JSON)).json()
    assert found["thanks"][1:] == [STORE]


async def test_refunded_order_has_no_thanks(
    store: Client, keyring: Keyring
) -> None:
    path = bought(keyring, "departure", "umbrella")
    ledger = ledger_of(store)
    await ledger.revoke(order_id(1), "departure", by="cli")
    page = await (await store.get(path)).text()
    assert "<em>star" not in page
    assert STORE in page
    await ledger.revoke(order_id(1), "umbrella", by="cli")
    assert STORE not in await (await store.get(path)).text()


async def test_notes_are_those_of_what_was_bought(store: Client) -> None:
    catalog = store_of(store).catalog.current
    album = f"{RELEASE} <script>x</script>"
    for items, notes in (
        ([], ()),
        (["umbrella", "gone"], (STORE,)),
        (["umbrella", "wrong-stop", "night-bus"], (album, STORE)),
    ):
        assert thanks_for(catalog, items) == notes


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/catalog",
        "/catalog/night-bus",
        "/artists/the-wet-coats",
        "/feed.atom",
        "/theme.css",
        "/embed/night-bus",
        "/oembed?url=http://127.0.0.1/catalog/night-bus",
    ],
)
@pytest.mark.parametrize("headers", [{}, JSON])
async def test_note_is_not_public(
    store: Client, path: str, headers: dict[str, str]
) -> None:
    text = await (await store.get(path, headers=headers)).text()
    assert "*star*" not in text
    assert "<em>star" not in text
    assert STORE not in text
