# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Consent to immediate delivery: asked for, checked, and signed."""

import hashlib
import re
from html import unescape
from pathlib import Path

import pytest

from msrv.orders.legal.consents import VERSIONS
from msrv.proofs import receipts
from msrv.settings import Settings
from msrv.translations.catalogs import NAMES
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.web.purchases import path_of

JSON = {"Accept": "application/json"}
ALBUM = {"item": "night-bus", "total_minor": "700", "provider": "demo"}
ENGLISH = hashlib.sha256(VERSIONS[-1]["en"].encode()).hexdigest()


def ask(library: Path, mode: str, more: str = "") -> None:
    """Set the mode in store.toml."""
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write(f'\n[legal]\nconsent = "{mode}"\n{more}')


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store that requires consent."""
    ask(library, "required")
    return await start_store(settings)


def test_every_language_has_a_wording() -> None:
    assert all(set(version) == set(NAMES) for version in VERSIONS)


async def test_box_is_on_every_page_that_pays_and_never_ticked(
    store: Client,
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    for path in ("/catalog/night-bus", "/cart", "/checkout"):
        page = await (await store.get(path)).text()
        (box,) = re.findall(r"<input[^>]*name=\"consent\"[^>]*>", page)
        assert f'value="{ENGLISH}"' in box
        assert "checked" not in box
        assert VERSIONS[-1]["en"] in unescape(page)
    header = {"Accept-Language": "de"}
    page = await (await store.get("/checkout", headers=header)).text()
    assert VERSIONS[-1]["de"] in unescape(page)
    for path in ("/catalog/zine", "/"):
        assert "consent" not in await (await store.get(path)).text()


async def test_order_without_the_required_tick_is_asked_again(
    store: Client,
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    for page in ("release", "cart"):
        form = {**ALBUM, "mail": "not an address", "page": page}
        answer = await store.post("/purchases", data=form)
        assert answer.status == 422
    answer = await store.post("/purchases", data={**ALBUM, "gift": "1"})
    text = await answer.text()
    assert answer.status == 422
    assert "Must be ticked, since the store delivers immediately." in text
    assert re.search(r'name="gift"[^>]*checked', text)
    refused = await store.post("/purchases", data=ALBUM, headers=JSON)
    assert refused.status == 400
    assert "consent" in (await refused.json())["message"]
    # Of a wording that isn't asked for, like an earlier one of the seller's.
    form = {**ALBUM, "consent": "0" * 64}
    answer = await store.post("/purchases", data=form)
    assert "since its text has changed" in await answer.text()
    # The buyer's own tick stays where another field is wrong.
    form = {**ALBUM, "consent": ENGLISH, "gift": "1", "gift_from": "a@b.de"}
    text = await (await store.post("/purchases", data=form)).text()
    assert re.search(r'name="consent"[^>]*checked', text)


async def test_consent_is_signed_into_the_receipt_and_can_be_checked(
    store: Client,
) -> None:
    asked = await (await store.get("/checkout", headers=JSON)).json()
    assert asked["consent"] == {
        "text": VERSIONS[-1]["en"],
        "language": "en",
        "sha256": ENGLISH,
        "required": True,
    }
    form = {**ALBUM, "consent": asked["consent"]["sha256"]}
    bought = await store.post("/purchases", data=form, headers=JSON)
    if bought.status == 202:
        paid = await store.post((await bought.json())["pay_at"], data={})
        path = paid.url.path
    else:
        path = (await bought.json())["receipt"]
    token = path.rpartition("/")[2]
    keyring = store.app[STORE].keyring
    consent = receipts.read(keyring, token).consent
    assert consent is not None
    assert (consent.sha256, consent.language) == (ENGLISH, "en")
    shown = await (await store.get(f"/purchases/{token}", headers=JSON)).json()
    assert shown["consent"]["text"] == VERSIONS[-1]["en"]
    assert receipts.read(keyring, shown["jws"]).consent == consent
    for address in (f"/purchases/{token}", f"/verify?q={token}"):
        page = unescape(await (await store.get(address)).text())
        assert "Agreed to before paying" in page
        assert VERSIONS[-1]["en"] in page
    checked = await store.get(f"/verify?q={token}", headers=JSON)
    assert (await checked.json())["consent"]["sha256"] == ENGLISH


async def test_free_items_ask_for_nothing(store: Client) -> None:
    form = {"item": "zine", "total_minor": "0"}
    bought = await store.post("/purchases", data=form, headers=JSON)
    assert bought.status == 201
    receipt = path_of((await bought.json())["receipt"])
    shown = await (await store.get(receipt, headers=JSON)).json()
    assert shown["consent"] is None


async def test_own_wording_is_asked_and_its_absence_accepted(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    ask(library, "asked", 'consent_text = { de = "Ja & <b>sofort</b>." }\n')
    store = await start_store(settings)
    header = {"Accept-Language": "en"}
    page = await (await store.get("/catalog/night-bus", headers=header)).text()
    assert '<label for="consent" dir="auto" lang="de">Ja &amp; &lt;b' in page
    bought = await store.post("/purchases", data=ALBUM, headers=JSON)
    assert bought.status in {201, 202}
