# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Titles in another direction than the page: isolated wherever they are.

Without that, a bracket in an Arabic title is on its wrong side, and a price
or a comma beside the title changes its place.
"""

import secrets
from html.parser import HTMLParser
from pathlib import Path

import pytest

from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.web.studio.conftest import JSON, Studio

TITLE = "\u062d\u0628\u064a\u062a\u0643 (Live 2024)"
"""Arabic, and a bracket with Latin letters."""
_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "rect"}
_NO_MARKUP = {"title", "script", "textarea", "option"}
"""Elements whose content is text alone."""


class Places(HTMLParser):
    """Elements around each occurrence of the title in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: list[list[tuple[str, bool]]] = []

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        if tag not in _VOID:
            isolates = tag == "bdi" or ("dir", "auto") in attrs
            self.open.append((tag, isolates))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if TITLE in data and not _NO_MARKUP & {tag for tag, _ in self.open}:
            self.found.append(list(self.open))


def unisolated(page: str) -> list[str]:
    """Return the path of each title that follows the page's direction."""
    places = Places()
    places.feed(page)
    assert places.found, "the page has no title at all"
    return [
        " > ".join(tag for tag, _ in found)
        for found in places.found
        if not any(isolates for _, isolates in found)
    ]


@pytest.fixture
def arabic(settings: Settings, library: Path) -> Settings:
    """Settings for the small library, with Arabic titles."""
    for toml in library.glob("*/release.toml"):
        text = toml.read_text("utf-8")
        for name in ("Night Bus", "Umbrella", "Zine"):
            text = text.replace(f'title = "{name}"', f'title = "{TITLE}"')
        text = text.replace(
            'id = "departure"', f'id = "departure"\ntitle = "{TITLE}"'
        )
        toml.write_text(text, "utf-8")
    return settings


@pytest.fixture
async def arabic_store(start_store: StartStore, arabic: Settings) -> Client:
    """Store with Arabic titles."""
    return await start_store(arabic)


async def test_shop_sets_titles_apart(arabic_store: Client) -> None:
    store = arabic_store
    answer = await store.post(
        "/purchases", data=[("item", "night-bus")], headers=JSON
    )
    bought = await answer.json()
    receipt = "/purchases/" + bought["receipt"].rpartition("/")[2]
    await store.post("/cart", data=[("add", "night-bus")])
    for path in (
        "/",
        "/catalog",
        "/catalog/night-bus",
        "/cart",
        "/checkout",
        receipt,
        f"/verify?q={bought['receipt']}",
    ):
        answer = await store.get(path)
        assert answer.status == 200, path
        assert (path, unisolated(await answer.text())) == (path, [])


async def test_payment_page_sets_titles_apart(arabic_store: Client) -> None:
    answer = await arabic_store.post(
        "/purchases", data={"item": "night-bus", "provider": "demo"}
    )
    assert "/payments/demo/" in str(answer.url)
    assert unisolated(await answer.text()) == []


async def test_studio_sets_titles_apart(
    arabic_store: Client, keyring: Keyring, clock: Clock
) -> None:
    session = sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, clock.now, secrets.token_bytes
    )
    studio = Studio(arabic_store, session)
    answer = await arabic_store.post(
        "/purchases", data=[("item", "departure")], headers=JSON
    )
    order = f"/studio/orders/{(await answer.json())['order_id']}"
    await studio.wait_until_synced()
    for path in (
        order,
        f"{order}/revoke",
        "/studio/orders",
        "/studio",
        "/studio/sales",
        "/studio/sellers",
        "/studio/orders?item=departure",
    ):
        assert unisolated(await studio.text(path)) == [], path
    await studio.post(f"{order}/revoke", item="departure")
    for path in (order, "/studio/refunds"):
        assert unisolated(await studio.text(path)) == [], path
