# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Slots of pages for the visitor's own parts."""

from collections.abc import Awaitable

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from msrv.web import rendering
from msrv.web.public_pages.page_slots import PageSlots, VisitorParts
from tests.conftest import Client

NOBODY = VisitorParts(frozenset(), "0 items", "A" * 24)
BUYER = VisitorParts(frozenset({"a", "b"}), "2 items, <€8>", "B" * 24)


def test_each_visitor_gets_their_own_parts() -> None:
    slots = PageSlots("secret")
    template = slots.split(
        f"<a{slots.if_empty(' hidden')}>{slots.cart_count}</a>"
        f"<p>{slots.cart_summary}</p>"
        f"{slots.if_held('a', Markup('<b>'), Markup('<i>'))}"
        f"{slots.if_held('c', 'in <cart>', '')}"
        f"{slots.attempt}"
    )
    assert (
        template.fill(NOBODY) == f"<a hidden>0</a><p>0 items</p><i>{'A' * 24}"
    )
    assert template.fill(BUYER) == (
        f"<a>2</a><p>2 items, &lt;€8&gt;</p><b>{'B' * 24}"
    )


def test_part_can_be_rendered_twice_in_another_order_or_never() -> None:
    slots = PageSlots("secret")
    first, _, third = slots.cart_count, slots.attempt, slots.cart_summary
    template = slots.split(f"{third}-{first}-{third}")
    assert template.fill(NOBODY) == "0 items-0-0 items"


def test_memory_of_a_page_has_the_texts_of_its_slots() -> None:
    slots = PageSlots("secret")
    page = slots.if_held("a", "x" * 9_000, "y" * 8_000)
    page += slots.if_empty("z" * 7_000)
    assert 24_000 < slots.split(page).size_bytes < 27_000


@given(st.text(alphabet='\0 0123secrt<"&'))
def test_text_of_a_page_is_never_a_slot(text: str) -> None:
    """Whoever writes it, as the words of a search, can't know the secret."""
    slots = PageSlots("8b1f2c0011223344")
    assert slots.split(f"{text}{slots.cart_count}").fill(NOBODY) == f"{text}0"


async def test_page_is_rendered_once_for_all_carts(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ("/catalog/night-bus", "/catalog?q=umbrella", "/")
    # By a visitor with a cart; nobody else gets a part of it.
    cookies = {"Cookie": "cart=umbrella"}
    for path in paths:
        assert "1 item" in await text_of(store, path, cookies)

    def fail(*_: object) -> Awaitable[str]:
        raise AssertionError("rendered again")

    monkeypatch.setattr(rendering, "render_in_slices", fail)
    monkeypatch.setattr(rendering, "page_response", fail)
    for path in paths:
        for count, cookie in enumerate(
            ("other=1", "cart=zine", "cart=departure.umbrella")
        ):
            page = await text_of(store, path, {"Cookie": cookie})
            assert f"data-cart-count>{count}</span>" in page
            assert ("cart-link empty" in page) is (count == 0)
    page = await text_of(
        store, "/catalog/night-bus", {"Cookie": "cart=departure"}
    )
    assert 'name="remove" value="departure"' in page
    assert 'name="add" value="wrong-stop"' in page
    page = await text_of(
        store, "/catalog/night-bus", {"Cookie": "cart=night-bus"}
    )
    assert "whole-in-cart" in page


async def test_discounts_and_payments_are_rendered_for_their_visitor(
    store: Client,
) -> None:
    path = "/catalog/night-bus"
    payment = {"Cookie": "payment=L3BheW1lbnRzL2RlbW8veA"}
    link = 'href="/payments/demo/x"'
    for headers, is_shown in (({}, False), (payment, True), ({}, False)):
        assert (link in await text_of(store, path, headers)) is is_shown
    head = await store.head(path, headers={"Cookie": "cart=umbrella"})
    assert isinstance(store.app, web.Application)
    assert head.status == 200
    assert await head.read() == b""


async def text_of(store: Client, path: str, headers: dict[str, str]) -> str:
    answer = await store.get(path, headers=headers)
    assert answer.status == 200
    return await answer.text()
