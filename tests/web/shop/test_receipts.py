# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts and links: what they grant, for how long, and to whom."""

import hashlib
import io
import re
import zipfile
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from msrv.proofs.keyring import Keyring
from msrv.proofs.links import make_link
from tests.conftest import Client, Clock
from tests.web.purchases import buy, path_of

JSON = {"Accept": "application/json"}
ORDER = "A" * 24


async def test_link_sends_the_exact_bytes(
    store: Client, library: Path
) -> None:
    bought = await buy(store, "departure")
    downloads = bought["downloads"]
    assert isinstance(downloads, dict)
    answer = await store.get(path_of(downloads["departure"]))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "01 Departure.wav" in answer.headers["Content-Disposition"]
    source = (library / "Night Bus" / "01 Departure.wav").read_bytes()
    assert await answer.read() == source


async def test_release_is_a_zip_of_all_its_files(
    store: Client, library: Path
) -> None:
    bought = await buy(store, "night-bus")
    downloads = bought["downloads"]
    assert isinstance(downloads, dict)
    answer = await store.get(path_of(downloads["night-bus"]))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
        assert archive.testzip() is None
        hashes = {
            hashlib.sha256(archive.read(name)).digest()
            for name in archive.namelist()
        }
    for file in (library / "Night Bus").iterdir():
        if file.suffix != ".toml":
            assert hashlib.sha256(file.read_bytes()).digest() in hashes


async def test_receipt_has_fresh_links_years_later(
    store: Client, clock: Clock
) -> None:
    bought = await buy(store, "departure", "night-bus")
    clock.now += 10 * 366 * 24 * 3600
    receipt = path_of(bought["receipt"])
    page = await store.get(receipt)
    assert page.status == 200
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "Departure" in await page.text()
    shown = await (await store.get(receipt, headers=JSON)).json()
    assert shown["order_id"] == bought["order_id"]
    assert shown["links_expire_at"] == clock.now + 24 * 3600
    for url in shown["downloads"].values():
        assert (await store.head(path_of(url))).status == 200
    parts = shown["items"][1]["parts"]
    assert [part["item_id"] for part in parts] == [
        "departure",
        "wrong-stop",
        "lyrics",
    ]
    for part in parts:
        assert (await store.head(path_of(part["download"]))).status == 200


async def test_expired_link_explains_how_to_get_a_fresh_one(
    store: Client, clock: Clock
) -> None:
    bought = await buy(store, "departure")
    downloads = bought["downloads"]
    assert isinstance(downloads, dict)
    link = path_of(downloads["departure"])
    clock.now += 24 * 3600 - 1
    assert (await store.head(link)).status == 200
    clock.now += 1
    answer = await store.get(link)
    assert answer.status == 410
    page = await answer.text()
    assert "This link has expired" in page
    assert 'action="/purchases"' in page
    told = await (await store.get(link, headers=JSON)).json()
    assert told["error"] == "expired"
    assert told["expired_at"] == clock.now
    found = await store.get(
        "/purchases",
        params={"receipt": str(bought["receipt"])},
        allow_redirects=False,
    )
    assert found.status == 303
    assert found.headers["Location"] == path_of(bought["receipt"])


async def test_started_download_can_be_resumed_after_the_link_expired(
    store: Client, clock: Clock
) -> None:
    bought = await buy(store, "departure")
    downloads = bought["downloads"]
    assert isinstance(downloads, dict)
    link = path_of(downloads["departure"])
    first = await store.get(link, headers={"Range": "bytes=0-99"})
    tag = first.headers["ETag"]
    clock.now += 36 * 3600
    resume = {"Range": "bytes=100-", "If-Range": tag}
    answer = await store.get(link, headers=resume)
    assert answer.status == 206
    whole = (await first.read()) + (await answer.read())
    assert whole[:4] == b"RIFF"
    for headers in (
        {"Range": "bytes=100-"},
        {"If-Range": tag},
        {"Range": "bytes=100-", "If-Range": '"another"'},
        {"Range": "bytes=100-", "If-Range": f"W/{tag}"},
        {},
    ):
        assert (await store.get(link, headers=headers)).status == 410
    clock.now += 12 * 3600
    assert (await store.get(link, headers=resume)).status == 410


def forgeries(keyring: Keyring, clock: Clock) -> list[str]:
    """Return paths of receipts and links that the store never made."""
    expires_at = clock.now + 3600
    good = make_link(keyring, ORDER, "departure", expires_at)
    other = make_link(keyring, "B" * 24, "departure", expires_at)
    return [
        f"/download/{good.pop}/{good.poe}/wrong-stop",
        f"/download/{other.pop}/{good.poe}/departure",
        f"/download/{good.pop}/{other.poe}/departure",
        f"/download/{good.pop}/{'f' * 16}/departure",
        f"/download/{good.pop}/{good.poe[:-1]}/departure",
        f"/download/{good.pop}/{good.poe}=/departure",
        f"/download/{good.pop}/{good.poe}/Departure",
        f"/download/{good.pop.lower()}/{good.poe}/departure",
        "/download/a/b/c",
        "/download/%00/%ff/x",
        "/purchases/a.b.c",
        "/purchases/" + "x" * 4000,
        "/payments/demo/a.b",
    ]


async def test_all_forgeries_get_the_same_page(
    store: Client, keyring: Keyring, clock: Clock
) -> None:
    """So that nothing can be learned by trying tokens."""
    pages = set()
    for path in forgeries(keyring, clock):
        answer = await store.get(path)
        assert answer.status == 404, path
        page = (await answer.text()).replace(path, "")
        # A long address is not gone back to after a change of language.
        pages.add(re.sub('name="back" value="[^"]*"', "", page))
    assert len(pages) == 1
    assert "No such download" in pages.pop()


async def test_valid_link_to_a_missing_file_is_temporarily_unavailable(
    store: Client, keyring: Keyring, clock: Clock, library: Path
) -> None:
    link = make_link(keyring, ORDER, "departure", clock.now + 60).path
    (library / "Night Bus" / "01 Departure.wav").unlink()
    answer = await store.get(link)
    assert answer.status == 503
    assert "Retry-After" in answer.headers
    assert "Your link is valid" in await answer.text()
    unknown = make_link(keyring, ORDER, "never-was", clock.now + 60).path
    assert (await store.get(unknown)).status == 503


async def test_changed_file_is_not_sent_as_the_old_one(
    store: Client, keyring: Keyring, clock: Clock, library: Path
) -> None:
    """It is sent as the new file, or is temporarily unavailable."""
    link = make_link(keyring, ORDER, "departure", clock.now + 60).path
    (library / "Night Bus" / "01 Departure.wav").write_bytes(b"other")
    assert (await store.get(link)).status in {200, 503}
    answer = await store.get(link)
    if answer.status == 200:
        assert await answer.read() == b"other"


async def test_hidden_items_stay_available_to_their_buyers(
    start_store: object,
    settings: object,
    keyring: Keyring,
    clock: Clock,
    library: Path,
) -> None:
    assert callable(start_store)
    toml = library / "Night Bus" / "release.toml"
    toml.write_text(
        toml.read_text("utf-8").replace(
            'id = "departure"', 'id = "departure"\nhidden = true'
        ),
        encoding="utf-8",
    )
    store = await start_store(settings)
    page = await (await store.get("/catalog/night-bus")).text()
    assert "Departure" not in page
    refused = await store.post("/purchases", data={"item": "departure"})
    assert refused.status == 422
    link = make_link(keyring, ORDER, "departure", clock.now + 60).path
    assert (await store.get(link)).status == 200


async def test_receipt_is_verified_by_the_published_keys(
    store: Client, keyring: Keyring
) -> None:
    answer = await store.get("/.well-known/jwks.json")
    assert answer.status == 200
    keys = (await answer.json(content_type=None))["keys"]
    assert [key["kid"] for key in keys] == [
        each.kid for each in keyring.verifiers
    ]
    assert all("d" not in key for key in keys)


@pytest.mark.parametrize("shape", ["url", "path", "spaced"])
async def test_verify_explains_a_link(
    store: Client, keyring: Keyring, clock: Clock, shape: str
) -> None:
    link = make_link(keyring, ORDER, "departure", clock.now + 60).path
    pasted = {
        "url": f"https://shop.example{link}",
        "path": link,
        "spaced": f"  https://shop.example{link}\n",
    }[shape]
    params = {"q": pasted}
    told = await (
        await store.get("/verify", params=params, headers=JSON)
    ).json()
    assert told["kind"] == "link"
    assert told["valid"] is True
    assert told["items"][0]["title"] == "Departure"
    assert told["expires_at"] == clock.now + 60
    assert (
        "is valid" in await (await store.get("/verify", params=params)).text()
    )
    clock.now += 60
    told = await (
        await store.get("/verify", params=params, headers=JSON)
    ).json()
    assert told["valid"] is False
    assert told["expired"] is True


async def test_verify_explains_a_receipt_and_rejects_other_text(
    store: Client,
) -> None:
    bought = await buy(store, "zine")
    told = await (
        await store.get(
            "/verify", params={"q": str(bought["receipt"])}, headers=JSON
        )
    ).json()
    assert told["kind"] == "receipt"
    assert told["valid"] is True
    assert told["expires_at"] is None
    for nonsense in ("hello", "/download/a/b/c", "x" * 3000, "a.b.c"):
        told = await (
            await store.get("/verify", params={"q": nonsense}, headers=JSON)
        ).json()
        assert told == {"kind": "nothing", "valid": False}


async def test_download_buttons_are_named_after_their_items(
    store: Client,
) -> None:
    bought = await buy(store, "night-bus", "zine")
    page = await (await store.get(path_of(bought["receipt"]))).text()
    for title in ("Night Bus", "Departure", "Wrong Stop"):
        assert f'aria-label="Download {title}"' in page
    assert "The Wet Coats" in page
    assert 'class="button big"' not in page  # two equal ones


async def test_checksums_are_behind_a_list_of_their_own(
    store: Client, library: Path
) -> None:
    bought = await buy(store, "night-bus")
    page = await (await store.get(path_of(bought["receipt"]))).text()
    assert 'class="button big"' in page
    digest = hashlib.sha256(
        (library / "Night Bus" / "01 Departure.wav").read_bytes()
    ).hexdigest()
    files, _, checksums = page.partition("<summary>Checksums</summary>")
    assert digest in checksums
    assert digest not in files
    assert files.count("Download Departure") == 1


async def test_receipt_of_a_gift_shows_no_prices(store: Client) -> None:
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])
    assert "€7.00" in await (await store.get(path)).text()
    page = await (await store.get(f"{path}?gift=1")).text()
    assert "€7.00" not in page
    assert "Download Night Bus" in page
    # Nor do the pages that it leads to, or that the device remembers.
    assert f"{bought['receipt']}?gift=1</textarea>" in page
    assert f'{quote(bought["receipt"] + "?gift=1")}"' in page
    assert f"&#34;receipt&#34;: &#34;{path}?gift=1&#34;" in page
    for finder, field in (("/purchases", "receipt"), ("/verify", "q")):
        found = await store.get(
            finder, params={field: f"see {bought['receipt']}?gift=1 ."}
        )
        page = await found.text()
        assert f"{path}?gift=1" in f"{found.url} {page}"


async def test_receipt_says_nothing_that_its_address_makes_up(
    store: Client,
) -> None:
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])
    for text in ("call 0900", "a@b.example", "<b>…@x", "ab…@c.example"):
        page = await store.get(path, params={"mailed": text})
        assert "on its way" not in await page.text()


async def test_receipt_can_be_sent_to_oneself_without_a_mail_server(
    store: Client,
) -> None:
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])
    page = await (await store.get(path)).text()
    found = re.search(
        r'href="mailto:\?subject=([^&"]+)&amp;body=([^"]+)"', page
    )
    assert found is not None
    assert unquote(found[1]) == "Receipt from Wet Coats"
    assert unquote(found[2]) == bought["receipt"]


async def test_check_of_a_receipt_leads_to_it(store: Client) -> None:
    bought = await buy(store, "night-bus")
    page = await store.get("/verify", params={"q": str(bought["receipt"])})
    assert f'href="{path_of(bought["receipt"])}"' in await page.text()
    page = await store.get("/verify", params={"q": "nothing"})
    assert "Open the receipt" not in await page.text()
