# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Addresses of files at a CDN: what they say, and by which key.

The query has the name of the file, and the link that led there, by which the
CDN sends back whoever comes after the address has ended. All of it is signed.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Self

from aiohttp import web

from msrv.downloads.objects import cdn_signatures
from msrv.downloads.objects.cdn_keys import month_key, month_of
from msrv.downloads.objects.object_reader import KeyOf
from msrv.downloads.objects.redirect import lifetime
from msrv.downloads.representation import (
    Representation,
    content_disposition,
)
from msrv.proofs.encoding import encode
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.settings.cdn_types import Cdn, CdnKind, signing_key
from msrv.storage.model import Content

Sign = Callable[[str, int], str]
"""Returns an address signed until a Unix time."""

_BY_TEXT_KEY: Final = {
    CdnKind.FASTLY: cdn_signatures.fastly,
    CdnKind.BUNNY: cdn_signatures.bunny,
    CdnKind.CLOUDFLARE: cdn_signatures.cloudflare,
}
_LINK: Final = ("pop", "poe", "item")
"""Parts of a link, of which the CDN makes its path again."""


def signer(cdn: Cdn, key: str | None, keyring: Keyring) -> Sign:
    """Return what signs addresses, by the CDN's key or by the month's.

    The month is that in which an address ends, so that the CDN knows by the
    address alone which of the keys it is. Raises ValueError for a key of
    another kind.
    """
    if cdn.kind is CdnKind.CLOUDFRONT:
        return partial(
            cdn_signatures.cloudfront,
            key=signing_key(key or ""),
            key_id=cdn.key_id,
        )
    sign = _BY_TEXT_KEY[cdn.kind]
    if key is not None:
        return partial(sign, key=key)
    if not cdn.derives_keys:
        raise ValueError(f"{cdn.kind} has keys of its own")

    def sign_by_month(url: str, expires: int) -> str:
        month = month_of(expires)
        return sign(url, expires, month_key(keyring.current, cdn.kind, month))

    return sign_by_month


class CdnAddresses:
    """Returns the address of a file at a CDN. Implements AddressOf."""

    def __init__(self, cdn: Cdn, sign: Sign, key_of: KeyOf) -> None:
        self._url = cdn.url
        self._sign = sign
        self._key_of = key_of

    @classmethod
    def of(cls, settings: Settings, keyring: Keyring, key_of: KeyOf) -> Self:
        """Return the addresses at MSRV_CDN, which is set."""
        cdn, key = settings.cdn, settings.cdn_key
        assert cdn is not None  # noqa: S101 - MSRV_DELIVERY=cdn requires it
        text = None if key is None else key.get_secret_value()
        return cls(cdn, signer(cdn, text, keyring), key_of)

    async def __call__(
        self,
        request: web.Request,
        representation: Representation,
        content: Content,
        now: int,
    ) -> str:
        """Return a signed address of a file, from `now` in Unix seconds."""
        link = {name: request.match_info[name] for name in _LINK}
        if "as" in request.query:
            link["as"] = request.query["as"]
        # RSA takes a millisecond.
        return await asyncio.to_thread(
            self.signed,
            self._key_of(content.sha256),
            link,
            representation.file_name,
            now + lifetime(content.size_bytes),
        )

    def signed(
        self,
        key: str,
        link: Mapping[str, str],
        file_name: str | None,
        expires: int,
    ) -> str:
        """Return the address of an object, signed until a Unix time.

        `link` are the parts of the link that leads there.
        """
        query = dict(link)
        if file_name is not None:
            disposition = content_disposition(file_name, "attachment")
            # In base64url, which no escaping changes.
            query["disposition"] = encode(disposition.encode("ascii"))
        pairs = "&".join(f"{name}={value}" for name, value in query.items())
        return self._sign(f"{self._url}/{key}?{pairs}", expires)
