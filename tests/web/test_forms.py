# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Form parsing: accepted formats, limits, and linear work."""

import asyncio
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, MultiDict

from msrv.web import forms
from msrv.web.errors import InvalidField, UnsupportedForm
from tests.conftest import Client

FORM = forms.MEDIA_TYPE
JSON = {"Accept": "application/json"}


def headers(*pairs: tuple[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(pairs)


def parse(body: bytes) -> MultiDict[str]:
    return asyncio.run(forms.parse(body))


async def test_slow_form_times_out(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "FORM_SECONDS", 0.05)
    assert store.port
    reader, writer = await asyncio.open_connection("127.0.0.1", store.port)
    writer.write(
        b"POST /cart HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 100\r\nConnection: close\r\n\r\nadd="
    )
    async with asyncio.timeout(60):
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "stated",
    [
        FORM,
        FORM.upper(),
        f"{FORM};charset=utf-8",
        f"{FORM} ;\tCharset=UTF-8",
        f'{FORM}; charset="UTF-8"',
        f"{FORM};",
        f"{FORM};; charset=utf-8;",
    ],
)
def test_accepted_content_types(stated: str) -> None:
    forms.check(headers(("Content-Type", stated)))
    forms.check(
        headers(("Content-Type", stated), ("Content-Encoding", "Identity"))
    )


@pytest.mark.parametrize(
    "stated",
    [
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain",
        "",
        "application/x-www-form-urlencoded2",
        f"{FORM}, {FORM}",
        f"{FORM}; charset=punycode",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=utf-8-sig",
        f"{FORM}; charset=utf8",
        f"{FORM}; charset=utf_8",
        f"{FORM}; charset= utf-8",
        f"{FORM}; charset",
        f"{FORM}; charset=",
        f"{FORM}; charset=utf-8; charset=utf-8",
        f"{FORM}; charset=utf-8; charset=punycode",
        f"{FORM}; charset*=utf-8''utf-8",
        f"{FORM}; boundary=x",
        f"{FORM} charset=utf-8",
    ],
)
async def test_other_content_types_are_refused_unread(
    store: Client, stated: str
) -> None:
    """A client can't choose a codec or parser that would run on the loop."""
    with pytest.raises(UnsupportedForm):
        forms.check(headers(("Content-Type", stated)))
    answer = await store.post(
        "/cart",
        data=b"add=departure",
        headers={**JSON, "Content-Type": stated},
    )
    assert answer.status == 415
    assert answer.headers["Accept-Post"] == FORM
    assert answer.headers["Accept-Encoding"] == "identity"
    assert (await answer.json())["error"] == "not_a_form"


def test_repeated_content_type_is_refused() -> None:
    with pytest.raises(UnsupportedForm):
        forms.check(headers(("Content-Type", FORM), ("Content-Type", FORM)))
    with pytest.raises(UnsupportedForm):
        forms.check(headers())


@pytest.mark.parametrize(
    "path",
    [
        "/cart",
        "/purchases",
        "/redeem",
        "/purchases/a.b.c/mail",
        "/payments/demo/quote",
        "/studio/enter",
    ],
)
@pytest.mark.parametrize(
    "stated", ["multipart/form-data", f"{FORM};charset=x"]
)
async def test_every_post_route_refuses_multipart(
    store: Client, path: str, stated: str
) -> None:
    answer = await store.post(
        path, data=b"a=1", headers={**JSON, "Content-Type": stated}
    )
    # What needs no form to be refused is refused as ever.
    assert answer.status in {401, 404, 415}
    if path in {"/cart", "/purchases", "/redeem"}:
        assert answer.status == 415


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [("a", "")]),
        (b"a=", [("a", "")]),
        (b"=a", [("", "a")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"a=1&a=2&b=3", [("a", "1"), ("a", "2"), ("b", "3")]),
        (b"a+b=c+d%2Be", [("a b", "c d+e")]),
        (b"a=%C3%BC%e2%82%ac", [("a", "ü€")]),
        ("a=ü".encode(), [("a", "ü")]),
        (b"a=100%&b=%zz%4", [("a", "100%"), ("b", "%zz%4")]),
        (b"a=%00", [("a", "\0")]),
        (b"a;b=c;d", [("a;b", "c;d")]),
    ],
)
def test_parse_browser_forms(
    body: bytes, fields: list[tuple[str, str]]
) -> None:
    assert list(parse(body).items()) == fields


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20))))
def test_urlencoded_pairs_round_trip(pairs: list[tuple[str, str]]) -> None:
    assert list(parse(urlencode(pairs).encode()).items()) == pairs


@given(st.text("ab=&+%4f\xfc", max_size=60))
def test_parse_agrees_with_parse_qsl(text: str) -> None:
    body = text.encode()
    expected = parse_qsl(text, keep_blank_values=True)
    expected = [pair for pair in expected if pair != ("", "")]
    try:
        found = parse(body)
    except InvalidField:
        assert "\N{REPLACEMENT CHARACTER}" in str(expected)
        return
    assert [pair for pair in found.items() if pair != ("", "")] == expected


@pytest.mark.parametrize(
    "body", [b"a=%ff", b"a=\xff", b"a=%ed%a0%80", b"%c3=1"]
)
def test_non_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidField):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"a" * (forms.MAX_BYTES + 1),
        b"a=" + b"1" * (forms.MAX_FIELD_BYTES + 1),
        b"a=1&" * forms.MAX_FIELDS,
        b"&" * forms.MAX_BYTES,
    ],
    ids=["bytes", "one field", "fields", "nothing but ends"],
)
async def test_form_over_the_limits_is_refused(
    store: Client, body: bytes
) -> None:
    answer = await store.post(
        "/cart", data=body, headers={**JSON, "Content-Type": FORM}
    )
    assert answer.status == 413
    assert (await answer.json())["error"] == "too_large"


async def test_chunked_form_is_read_up_to_the_limit(store: Client) -> None:
    async def endless() -> object:
        for _ in range(100):
            yield b"a" * 10_000

    answer = await store.post(
        "/cart", data=endless(), headers={**JSON, "Content-Type": FORM}
    )
    assert answer.status == 413


def test_limit_admits_a_full_cart() -> None:
    ids = [f"item-{number}" for number in range(100)]
    body = urlencode(
        [("item", each) for each in ids]
        + [("add", each) for each in ids]
        + [(f"price.{each}", "7,50") for each in ids]
        + [("discount", "SPRING"), ("mail", "a@b.example")]
    ).encode()
    assert parse(body).getall("item") == ids


async def test_many_items_are_added_in_one_pass(store: Client) -> None:
    body = urlencode([("add", "departure")] * 200 + [("add", "umbrella")])
    answer = await store.post(
        "/cart", data=body, headers={**JSON, "Content-Type": FORM}
    )
    assert answer.status == 200
    items = (await answer.json())["items"]
    assert [each["item_id"] for each in items] == ["departure", "umbrella"]


async def test_refusal_names_the_field(store: Client) -> None:
    answer = await store.get(
        "/catalog", params={"page": quote_plus("x")}, headers=JSON
    )
    assert "must be a number, 1 or higher" in (await answer.json())["message"]
