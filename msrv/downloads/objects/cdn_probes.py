# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests that show whether a CDN verifies addresses as it should."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from msrv.downloads.objects.cdn_addresses import CdnAddresses
from msrv.downloads.representation import content_disposition

_LINK: Final = {"pop": "probe", "poe": "probe", "item": "probe"}
_LINK_PATH: Final = "/download/probe/probe/probe"
_FILE_NAME: Final = "probe.bin"
_SECONDS: Final = 20
_LIFE_SECONDS: Final = 15 * 60
_SENT: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})
_REFUSED: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.GONE}
)


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one request, in a sentence."""

    outcome: Literal["Pass", "Warn", "Fail"]
    text: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """Response of a CDN; `status` is 0 for none, and `failure` says why."""

    status: int
    start: bytes = b""
    name: str = ""
    location: str = ""
    failure: str = ""

    @classmethod
    async def of(cls, session: aiohttp.ClientSession, address: str) -> Self:
        """Request the first byte at an address, which is sent as it is."""
        try:
            async with session.get(
                URL(address, encoded=True),
                headers={"Range": "bytes=0-0"},
                allow_redirects=False,
            ) as response:
                return cls(
                    response.status,
                    await response.content.read(1),
                    response.headers.get("Content-Disposition", ""),
                    response.headers.get("Location", ""),
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return cls(0, failure=f"{type(error).__name__} {error}".strip())

    @property
    def is_refusal(self) -> bool:
        """True if nothing was sent, and nobody sent elsewhere."""
        return self.status in _REFUSED

    def __str__(self) -> str:
        """Return what came, for a sentence."""
        return f"status {self.status}" if self.status else self.failure


async def probe(
    addresses: CdnAddresses, key: str, start: bytes, now: int
) -> list[Result]:
    """Return what a CDN does with addresses of an object.

    `start` is the object's first byte, and `now` is in Unix seconds.
    """
    good = addresses.signed(key, _LINK, _FILE_NAME, now + _LIFE_SECONDS)
    ended = addresses.signed(key, _LINK, _FILE_NAME, now - _LIFE_SECONDS)
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        answers = [
            await _Answer.of(session, address)
            for address in (
                good,
                good.partition("?")[0],
                good.replace("item=probe", "item=other"),
                ended,
            )
        ]
    return [
        *_signed(answers[0], start),
        _refused(answers[1], "an address without a signature"),
        _refused(answers[2], "an address that was changed"),
        _ended(answers[3]),
    ]


def _signed(answer: _Answer, start: bytes) -> list[Result]:
    """Return what a signed address gets, and under which name."""
    if answer.status not in _SENT:
        return [Result("Fail", f"a signed address is refused: {answer}")]
    if answer.start != start:
        return [Result("Fail", "a signed address gets another file")]
    if answer.status == HTTPStatus.OK:
        ranges = Result("Fail", "the CDN ignores ranges: nothing can resume")
    else:
        ranges = Result("Pass", "a signed address gets its file, in ranges")
    if answer.name == content_disposition(_FILE_NAME, "attachment"):
        return [ranges, Result("Pass", "files are named by the address")]
    return [
        ranges,
        Result("Warn", "files have the name that they were uploaded with"),
    ]


def _refused(answer: _Answer, what: str) -> Result:
    """Return whether an address is refused, as it must be."""
    if answer.is_refusal:
        return Result("Pass", f"{what} is refused")
    if answer.status in _SENT:
        return Result("Fail", f"{what} gets the file: anybody can download")
    return Result("Fail", f"{what} isn't refused: {answer}")


def _ended(answer: _Answer) -> Result:
    """Return what an address gets that has ended."""
    if urlsplit(answer.location).path == _LINK_PATH:
        return Result("Pass", "an address that has ended leads to its link")
    if answer.is_refusal:
        return Result("Warn", "an address that has ended is only refused")
    return _refused(answer, "an address that has ended")
