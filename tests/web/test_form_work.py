# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Form parsing takes time in proportion to the size of the form."""

import asyncio
import sys
import time
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, MultiDict

from msrv.web import forms
from msrv.web.errors import FormTooLarge, InvalidField, UnsupportedForm

FORM = forms.MEDIA_TYPE


def headers(*pairs: tuple[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(pairs)


def parse(body: bytes) -> MultiDict[str]:
    return asyncio.run(forms.parse(body))


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
