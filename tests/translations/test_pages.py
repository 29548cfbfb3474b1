# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pages and mails say nothing that isn't translated.

`test_templates` finds texts of the templates; these find those of the code.
"""

import dataclasses
import re
import secrets
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from msrv import settings as settings_room
from msrv.mail.receipt_mail import MailKind
from msrv.proofs import sign_in
from msrv.proofs.gifts.gift import Gift
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.translations import negotiation
from msrv.web.store import STORE
from msrv.web.studio.auth import COOKIE
from msrv.web.studio.routes import STUDIO
from tests.conftest import Client, Clock
from tests.mail.sample_mails import renderer, sample_mail
from tests.polling import wait_until
from tests.store_process import free_port
from tests.translations.pseudo import (
    unmarked,
    untranslated,
)
from tests.wav_files import write_wav
from tests.web.purchases import buy, path_of

pytestmark = pytest.mark.usefixtures("pseudo_language")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Library whose titles are Greek: an album, and a book at any price."""
    root = tmp_path / "library"
    write_wav(root / "1" / "1.wav", pitch=220)
    write_wav(root / "1" / "2.wav", pitch=330)
    (root / "1" / "3.pdf").write_bytes(b"%PDF-1.4 words %%EOF")
    (root / "1" / "release.toml").write_text(
        'id = "11"\ntitle = "Νύχτα"\nartist = "Άνεμος"\n'
        'date = "2026-03-06"\nprice = "7.00"\nitem_price = "1.00"\n'
        'description = "Ένα βράδυ."\ncredits = "Όλοι."\n'
        'tags = ["νύχτα"]\ngenres = ["ήχος"]\n'
        '[items."1.wav"]\nid = "21"\ntitle = "Πρώτο"\n'
        '[items."2.wav"]\nid = "22"\ntitle = "Δεύτερο"\nartist = "Κύμα"\n'
        '[items."3.pdf"]\nid = "23"\ntitle = "Λόγια"\nprice = "0"\n',
        encoding="utf-8",
    )
    (root / "2").mkdir()
    (root / "2" / "1.pdf").write_bytes(b"%PDF-1.4 zine %%EOF")
    (root / "2" / "release.toml").write_text(
        'id = "12"\ntitle = "Βιβλίο"\nartist = "Άνεμος"\ndate = "2025-03"\n'
        '[items."1.pdf"]\nid = "31"\ntitle = "Κείμενο"\n'
        'minimum = "1"\nsuggested = "2"\n',
        encoding="utf-8",
    )
    (root / "pages").mkdir()
    (root / "pages" / "όροι.md").write_text("# Όροι\n\nΔείτε.\n", "utf-8")
    (root / "store.toml").write_text(
        'name = "Μαγαζί"\ntagline = "Τραγούδια"\ncontact = "στην πόρτα"\n'
        "tax_included = true\nthanks = 'Ευχαριστώ.'\n"
        "[discounts.111]\npercent = 20\n",
        encoding="utf-8",
    )
    return root


@pytest.fixture
def settings(library: Path, tmp_path: Path) -> Settings:
    """Settings for that library, with mail, and simulated payments."""
    loaded = settings_room.load(
        {
            "MSRV_LIBRARY": str(library),
            "MSRV_DATA": str(tmp_path / "data"),
            "MSRV_CERTS": str(tmp_path / "certs"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_TLS": "off",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_PUBLIC_URL": "https://shop.example",
            "MSRV_MAIL_FROM": "shop@example.org",
        }
    )
    address = SecretStr(f"smtp://127.0.0.1:{free_port()}")
    return loaded.model_copy(update={"smtp_url": address, "public_url": None})


async def texts_of(store: Client, path: str, *statuses: int) -> list[str]:
    """Return the untranslated texts of a page."""
    answer = await store.get(path)
    assert answer.status in (statuses or (200,)), path
    return [
        f"{path[:20]}: {each}" for each in untranslated(await answer.text())
    ]


async def test_shop_is_translated(store: Client) -> None:
    found = []
    for path in (
        "/",
        "/catalog",
        "/catalog?q=νύχτα",
        "/catalog?q=τίποτα",
        "/catalog/11",
        "/catalog/12",
        "/artists",
        "/tags",
        "/embed/11?size=small",
        "/embed/11?size=large",
        "/cart",
        "/checkout",
        "/redeem",
        "/verify",
        "/verify?q=1",
        "/library",
        "/lost",
        "/lost?asked=1",
    ):
        found += await texts_of(store, path)
    for path in ("/nothing", "/catalog/99", "/purchases/1"):
        found += await texts_of(store, path, 404)
    front = await (await store.get("/catalog/11")).text()
    front += await (await store.get("/tags")).text()
    for link in re.findall('href="(/(?:artists|tags|pages)/[^"?]+)"', front):
        found += await texts_of(store, link)
    assert not found


async def test_studio_is_translated(
    store: Client, keyring: Keyring, clock: Clock
) -> None:
    """Every page of it that needs no more than a session, and an order."""
    assert isinstance(store.app, web.Application)
    ledger = store.app[STORE].ledger
    order = ""
    for items in (("11",), ("21", "23")):
        order = (await buy(store, *items))["order_id"]
    await ledger.wait_until_synced()
    await wait_until(lambda: ledger.is_database_ready)
    link = sign_in.issue(
        keyring, sign_in.TicketKind.LINK, clock.now, secrets.token_bytes
    )
    found = await texts_of(store, "/studio", 401)
    found += await texts_of(store, f"/studio/enter/{link}")
    session = sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, clock.now, secrets.token_bytes
    )
    store.session.cookie_jar.update_cookies({COOKIE: session})
    pages = 0
    for route in STUDIO:
        path = route.path.replace("{order}", order)
        if route.method != "GET" or "{" in path:
            continue
        answer = await store.get(path)
        assert answer.status == 200, path
        if answer.content_type == "text/html":
            pages += 1
            texts = untranslated(await answer.text())
            found += [f"{path}: {each}" for each in texts]
    assert pages > 8
    assert not found


async def test_purchase_is_translated(store: Client) -> None:
    found = []
    for added in ("21", "11", "12"):
        await store.post("/cart", data={"add": added})
        for path in ("/cart", "/checkout", "/catalog/11", "/"):
            found += await texts_of(store, path)
    for code in ("999", "111"):
        await store.post("/cart", data={"discount": code})
        found += await texts_of(store, "/cart")
        found += await texts_of(store, "/checkout")
    for data in (
        {"price.31": "ένα"},
        {"price.31": "0.10"},
    ):
        answer = await store.post("/cart", data=data)
        found += untranslated(await answer.text())
    answer = await store.post(
        "/purchases", data={"item": "11", "mail": "λ", "page": "release"}
    )
    assert answer.status == 422
    found += untranslated(await answer.text())
    answer = await store.post(
        "/purchases", data={"item": "11", "total_minor": "700"}
    )
    assert "/payments/demo/" in str(answer.url)
    found += untranslated(await answer.text())
    answer = await store.post(answer.url.path, data={"answer": "refuse"})
    assert answer.status == 402
    found += untranslated(await answer.text())
    assert not found


async def test_receipt_is_translated(store: Client) -> None:
    found = []
    for items in (("11",), ("21", "23"), ("23",)):
        bought = await buy(store, *items)
        path = path_of(bought["receipt"])
        found += await texts_of(store, path)
        found += await texts_of(store, f"{path}?mail_wait=90")
        found += await texts_of(store, f"/verify?q={path}")
        for link in bought["downloads"].values():
            found += await texts_of(store, f"/verify?q={path_of(link)}")
    assert not found


async def test_program_gets_translated_messages(store: Client) -> None:
    answer = await store.post(
        "/purchases",
        data={"item": "11", "total_minor": "1"},
        headers={"Accept": "application/json"},
    )
    assert answer.status == 409
    assert unmarked((await answer.json())["message"]) == []


def content_of(part: object) -> str:
    """Return the text of a part of a mail."""
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


@pytest.mark.parametrize("kind", MailKind)
def test_mail_is_translated(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch, kind: MailKind
) -> None:
    monkeypatch.setattr(negotiation, "LANGUAGES", ("en", "el"))
    mail = dataclasses.replace(
        sample_mail(store="Άνεμος", titles=("Νύχτα", "Λόγια")),
        language="el",
        kind=kind,
        gift=Gift(to="λ@example.org", note="Ένα βράδυ.", sender="Κύμα"),
    )
    text, html = map(content_of, renderer(keyring).render(mail).iter_parts())
    found = [
        *untranslated(html.replace('<body lang="el"', "<body")),
        *unmarked(text),
    ]
    number = mail.receipt.order_id
    assert [each for each in found if each.replace(" ", "") != number] == []


def test_unmarked_text_is_found() -> None:
    page = (
        "<html lang='el'><title>⟦Cart⟧</title><p>⟦All of <bdi>Go</bdi> for "
        "⟦%s kB⟧⟧ now<img alt='Cover'><input type='submit' value='Send'>"
    )
    assert untranslated(page) == ["now", "Cover", "Send"]
