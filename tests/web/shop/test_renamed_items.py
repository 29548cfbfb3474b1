# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases of items whose files were renamed."""

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.names import ids
from msrv.ledger.content_sync import ContentSync
from msrv.ledger.ledger import Ledger
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.polling import wait_until
from tests.wav_files import write_wav
from tests.web.purchases import path_of

JSON: Final = {"Accept": "application/json"}
TRAM: Final = ids.release_id("Tram")
TRACK: Final = ids.item_id(TRAM, "01 A.wav")
NEW: Final = ids.release_id("Coach")


@pytest.fixture
def tram(library: Path) -> Path:
    """Return the folder of a release whose ids come from its names."""
    for number, name in enumerate(("01 A.wav", "02 B.wav"), 1):
        write_wav(library / "Tram" / name, pitch=200 * number)
    return library / "Tram"


def catalog_of(store: Client) -> LiveCatalog:
    return store.app[STORE].catalog


async def buy(store: Client, *items: str) -> str:
    """Buy items, and return the receipt's path."""
    form = [("item", item) for item in items]
    answer = await store.post("/purchases", data=form, headers=JSON)
    assert answer.status == 201
    return path_of((await answer.json())["receipt"])


async def lines(store: Client, receipt: str) -> dict[str, dict[str, Any]]:
    """Return the lines of a receipt by their ids."""
    answer = await store.get(receipt, headers=JSON)
    data = await answer.json()
    return {line["item_id"]: line for line in data["items"]}


async def rename(store: Client, folder: Path) -> Path:
    """Rename a folder, and wait until the store has found it."""
    new = folder.with_name("Coach")
    await asyncio.to_thread(folder.rename, new)
    catalog = catalog_of(store)
    await wait_until(lambda: NEW in catalog.current.releases_by_id)
    await wait_until(lambda: not catalog.reading.waiting)
    return new


async def test_receipt_keeps_its_downloads_when_the_folder_is_renamed(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    receipt = await buy(store, TRAM)
    single = await buy(store, TRACK)
    links = [
        path_of((await lines(store, receipt))[TRAM]["download"]),
        path_of((await lines(store, single))[TRACK]["download"]),
    ]
    new = await rename(store, tram)
    whole = (await lines(store, receipt))[TRAM]
    assert (whole["title"], whole["available"]) == ("Coach", True)
    assert len(whole["parts"]) == 2
    data = (new / "01 A.wav").read_bytes()
    # Links from before, links from now, and each part.
    for path in (links[1], path_of(whole["parts"][0]["download"])):
        answer = await store.get(path)
        assert answer.status == 200
        assert await answer.read() == data
    for path in (links[0], path_of(whole["download"])):
        answer = await store.get(path)
        assert answer.status == 200
        with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
            assert archive.testzip() is None
            hashes = {
                hashlib.sha256(archive.read(name)).digest()
                for name in archive.namelist()
            }
        assert hashlib.sha256(data).digest() in hashes
    page = await (await store.get(receipt)).text()
    assert "No longer in the store" not in page


async def test_refund_ends_the_links_under_old_and_new_ids(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    receipt = await buy(store, TRAM)
    await rename(store, tram)
    line = (await lines(store, receipt))[TRAM]
    parts = [path_of(part["download"]) for part in line["parts"]]
    order = (await (await store.get(receipt, headers=JSON)).json())["order_id"]
    ledger = store.app[STORE].ledger
    assert isinstance(ledger, Ledger)
    await ledger.wait_until_synced()
    await ledger.revoke(order, by="cli")
    for path in (path_of(line["download"]), *parts):
        # Twice: what was sent a moment ago is at hand.
        assert (await store.get(path)).status == 410


async def test_refund_of_a_release_ends_its_tracks_links_under_new_ids(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    receipt = await buy(store, TRAM, "umbrella")
    await rename(store, tram)
    line = (await lines(store, receipt))[TRAM]
    part = path_of(line["parts"][0]["download"])
    assert (await store.get(part)).status == 200
    order = (await (await store.get(receipt, headers=JSON)).json())["order_id"]
    ledger = store.app[STORE].ledger
    assert isinstance(ledger, Ledger)
    await ledger.wait_until_synced()
    await ledger.revoke(order, TRAM, by="cli")
    assert (await store.get(part)).status == 410
    umbrella = (await lines(store, receipt))["umbrella"]
    assert (await store.get(path_of(umbrella["download"]))).status == 200


async def test_old_address_redirects_to_the_release(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    await rename(store, tram)
    answer = await store.get(f"/catalog/{TRAM}", allow_redirects=False)
    assert answer.status == 302
    assert answer.headers["Location"] == f"/catalog/{NEW}"
    # A page from before sells what has a new id now.
    receipt = await buy(store, TRAM)
    assert set(await lines(store, receipt)) == {NEW}


async def test_cart_holds_what_was_renamed(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    await store.post("/cart", data=[("add", TRACK)], headers=JSON)
    await rename(store, tram)
    new_track = ids.item_id(NEW, "01 A.wav")
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [each["item_id"] for each in cart["items"]] == [new_track]
    form = [("add", TRACK), ("remove", TRACK)]
    answer = await store.post("/cart", data=form, headers=JSON)
    assert (await answer.json())["items"] == []


async def test_ids_of_version_1_0_stay_valid(
    library: Path, start_store: StartStore, settings: Settings
) -> None:
    """What that version offered is bought, and found after an update."""
    folder, name = library / "Кино", "01 Звезда.wav"
    new, old = ids.release_id(folder.name), ids.former_release_id(folder.name)
    old_track = ids.former_item_id(old, name)
    new_track = ids.item_id(new, name)
    for number, each in enumerate((name, "02 B.wav"), 1):
        write_wav(folder / each, pitch=200 * number)
    toml = folder / "release.toml"
    toml.write_text(f'id = "{old}"\n[items."{name}"]\nid = "{old_track}"\n')
    store = await start_store(settings)
    whole, single = await buy(store, old), await buy(store, old_track)
    await store.post("/cart", data=[("add", old_track)], headers=JSON)
    cookies = {each.key: each.value for each in store.session.cookie_jar}
    link = path_of((await lines(store, whole))[old]["download"])
    before = await store.get(link)
    etag, data = before.headers["ETag"], await before.read()
    track_link = path_of((await lines(store, single))[old_track]["download"])
    await store.close()
    # An update, and a data folder that knows of no id.
    await asyncio.to_thread(toml.unlink)
    for file_name in ("ids.sqlite3", "index.sqlite3"):
        await asyncio.to_thread((settings.data / file_name).unlink)
    store = await start_store(settings)
    catalog = catalog_of(store).current
    assert new in {each.release_id for each in catalog.offered}
    found = await store.get(f"/catalog/{old}", allow_redirects=False)
    assert found.headers["Location"] == f"/catalog/{new}"
    # A download goes on where it stopped.
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    rest = await store.get(link, headers=headers)
    assert (rest.status, await rest.read()) == (206, data[1000:])
    (line,) = (await lines(store, whole)).values()
    assert (line["item_id"], line["available"]) == (old, True)
    parts = [path_of(each["download"]) for each in line["parts"]]
    for path in (track_link, parts[0]):
        answer = await store.get(path)
        assert await answer.read() == (folder / name).read_bytes()
    answer = await store.get("/cart", headers=JSON, cookies=cookies)
    in_cart = (await answer.json())["items"]
    assert [each["item_id"] for each in in_cart] == [new_track]
    order = (await (await store.get(whole, headers=JSON)).json())["order_id"]
    ledger = store.app[STORE].ledger
    assert isinstance(ledger, Ledger)
    await ledger.revoke(order, old, by="cli")
    assert [(await store.get(path)).status for path in parts] == [410, 410]


async def test_receipt_has_the_titles_of_items_that_are_gone(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    receipt = await buy(store, TRACK)
    (tram / "01 A.wav").unlink()
    catalog = catalog_of(store)
    await wait_until(lambda: TRACK not in catalog.current.by_id)
    await wait_until(lambda: not catalog.reading.waiting)
    line = (await lines(store, receipt))[TRACK]
    assert (line["title"], line["available"]) == ("A", False)
    page = await (await store.get(receipt)).text()
    assert "No longer in the store" in page
    assert TRACK not in page.replace(receipt, "")
    await wait_until(
        lambda: any(
            "was sold as" in str(each) for each in catalog.reading.problems
        )
    )
    verified = await store.get("/verify", params={"q": receipt}, headers=JSON)
    assert (await verified.json())["items"][0]["title"] == "A"


async def test_new_data_folder_finds_sold_items_by_the_ledger(
    tram: Path, start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    receipt = await buy(store, TRAM)
    ledger = store.app[STORE].ledger
    assert isinstance(ledger, Ledger)
    await ledger.wait_until_synced()
    await ContentSync(ledger, catalog_of(store).history).sync()
    await store.close()
    for name in ("ids.sqlite3", "index.sqlite3"):
        await asyncio.to_thread((settings.data / name).unlink)
    await asyncio.to_thread(tram.rename, tram.with_name("Coach"))
    again = await start_store(settings)
    catalog = catalog_of(again)
    await wait_until(lambda: TRAM in catalog.current.by_id)
    line = (await lines(again, receipt))[TRAM]
    assert (line["title"], line["available"]) == ("Coach", True)
    answer = await again.get(path_of(line["download"]))
    assert answer.status == 200
    notes = [each for each in catalog.reading.notes if "renamed" in each]
    (note,) = notes
    assert note == (
        f"Tram was renamed or moved to Coach: purchases of {TRAM} "
        "are delivered from there"
    )
