"""Form parsing: accepted formats, limits, and linear work."""

import asyncio
import sys
import time
from types import FrameType
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, MultiDict

from msrv.web import forms
from msrv.web.errors import FormTooLarge, InvalidField, UnsupportedForm
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
    assert answer.status in {404, 415}
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


class Unread:
    """Body that counts how much of it was read."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.read = 0

    async def readany(self) -> bytes:
        piece, self.body = self.body[:4096], self.body[4096:]
        self.read += len(piece)
        return piece


class Posted:
    """The part of a request that `read_form` uses."""

    can_read_body = True

    def __init__(self, stated: CIMultiDict[str], body: bytes) -> None:
        self.headers = stated
        self.content = Unread(body)
        self.content_length: int | None = None


def calls_of(posted: Posted) -> tuple[int, Exception | None]:
    """Return the number of Python and C calls that parsing takes."""
    count = 0

    def note(frame: FrameType, event: str, arg: object) -> None:  # noqa: ARG001
        nonlocal count
        count += event in {"call", "c_call"}

    async def run() -> Exception | None:
        sys.setprofile(note)
        try:
            await forms.read_form(posted)  # type: ignore[arg-type]
        except (UnsupportedForm, FormTooLarge, InvalidField) as error:
            return error
        finally:
            sys.setprofile(None)
        return None

    error = asyncio.run(run())
    return count, error


MEDIA_TYPES = st.sampled_from(
    [FORM, FORM.upper(), "multipart/form-data", "text/plain", "a/b", ""]
) | st.text(max_size=30)
PARAMETERS = st.lists(
    st.sampled_from(
        [
            "charset=utf-8",
            "charset=punycode",
            "charset=idna",
            "charset=unknown-8f2c",
            "charset=utf-7",
            "charset=zip",
            "boundary=x",
            "",
            ";" * 500,
            " " * 500,
        ]
    )
    | st.text(max_size=30),
    max_size=3,
)
BODIES = st.builds(
    lambda piece, times: (piece * times)[: forms.MAX_BYTES + 5000],
    st.sampled_from(
        [
            b"%",
            b"%41",
            b"%zz",
            b"&",
            b"a=1&",
            b"add=departure&",
            b"=",
            b"+",
            b"\xff",
            "ü".encode(),
            b"--x\r\n",
        ]
    )
    | st.binary(min_size=1, max_size=40),
    st.integers(0, 70_000),
)


@given(
    MEDIA_TYPES,
    PARAMETERS,
    st.sampled_from(["", "identity", "br", "x"]),
    BODIES,
)
def test_parsing_work_is_linear_for_any_headers(
    media_type: str, parameters: list[str], coding: str, body: bytes
) -> None:
    stated = headers(("Content-Type", ";".join([media_type, *parameters])))
    if coding:
        stated.add("Content-Encoding", coding)
    posted = Posted(stated, body)
    calls, error = calls_of(posted)
    if isinstance(error, UnsupportedForm):
        assert posted.content.read == 0
        assert calls < 200 + 3 * len(stated["Content-Type"])
        return
    assert media_type.strip(" \t").lower() == FORM
    assert coding in {"", "identity"}
    assert posted.content.read <= forms.MAX_BYTES + 4096
    size = len(stated["Content-Type"]) + min(len(body), forms.MAX_BYTES)
    assert calls < 500 + 4 * size


@pytest.mark.parametrize(
    "piece", [b"%", b"%41", b"%zz", b"%41a", "ü".encode(), b"+", b"a"]
)
def test_parsing_time_is_linear(piece: bytes) -> None:
    """Measures time, because a quadratic loop could be in C."""

    def seconds(size: int) -> float:
        field = b"a=" + piece * (size // len(piece))
        body = b"&".join([field] * 3)
        best = 1.0
        for _ in range(5):
            began = asyncio.run(_timed(body))
            best = min(best, began)
        return best

    small, large = seconds(1000), seconds(10_000)
    # Ten times as much; a quadratic step would make it a hundred times.
    assert large < 40 * max(small, 1e-5)


async def _timed(body: bytes) -> float:
    began = time.thread_time()
    await forms.parse(body)
    return time.thread_time() - began


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
