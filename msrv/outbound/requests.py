# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""POST requests: no redirect is followed, and no response body is read.

Apart from `addresses`, which decides where a request may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from msrv.outbound.addresses import (
    RESOLVE_SECONDS,
    HostResolver,
    PinnedResolver,
    Unreachable,
)

REQUEST_SECONDS: Final = 15.0
_HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """Status of a response, and its `Retry-After`, empty without one."""

    status: int
    retry_after: str = ""


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolver: HostResolver,
    allow_private: bool = False,
    timeout_seconds: float = REQUEST_SECONDS,
) -> OutboundResponse:
    """Send a POST, and return its response.

    `resolver` looks its host up. With `allow_private` the host may have any
    address. Raises PrivateAddress, Unreachable, whose texts don't contain the
    URL: it may be a secret.
    """
    parts = urlsplit(url)
    port = parts.port or (
        _HTTPS_PORT if parts.scheme == "https" else _HTTP_PORT
    )
    pinned = PinnedResolver(
        await resolver.resolve(
            parts.hostname or "",
            port,
            allow_private=allow_private,
            timeout_seconds=min(timeout_seconds, RESOLVE_SECONDS),
        )
    )
    # aiohttp resolves no IP address; that has been checked here too.
    connector = aiohttp.TCPConnector(
        resolver=pinned, use_dns_cache=False, force_close=True
    )
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            return OutboundResponse(
                response.status, response.headers.get("Retry-After", "")
            )
    except TimeoutError:
        raise Unreachable(
            f"it did not respond within {timeout_seconds:g} s"
        ) from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(
            f"it can't be reached: {type(error).__name__}"
        ) from None
