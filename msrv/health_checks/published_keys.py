# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Request for the public keys that a store publishes.

They identify the store: a program that answers with another store's keys, or
with none, isn't this store. Apart from the checks, several of which ask.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from msrv.proofs.keyring import Keyring
from msrv.retired_keys.key_list import InvalidKeyList, parse_list

_PATH: Final = "/.well-known/jwks.json"
_SECONDS: Final = 6.0
_MAX_BYTES: Final = 2**20


class Answer(Enum):
    """Kind of what answers at an address."""

    THIS_STORE = "this store"
    OTHER_STORE = "another store"
    OTHER_PROGRAM = "another program"
    NOTHING = "nothing"
    UNTRUSTED = "an untrusted certificate"


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """Answer at an address; `reason` is why there is none, or no trust."""

    kind: Answer
    reason: str = ""


class FixedResolver(AbstractResolver):
    """Resolver that returns one address for every name."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's
    ) -> list[ResolveResult]:
        """Return the address."""
        is_ipv6 = ":" in self._address
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=port,
                family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


async def identify_store(
    keyring: Keyring,
    url: str,
    address: str,
    *,
    verify: ssl.SSLContext | bool = True,
    redirects_to: str | None = None,
) -> StoreAnswer:
    """Return what answers for a URL at an IP address.

    A redirect to `redirects_to` is this store's, too: its port of plain HTTP.
    """
    try:
        status, location, body = await _get(
            url + _PATH, address, verify=verify
        )
    except aiohttp.ClientConnectorCertificateError as error:
        why = getattr(error.certificate_error, "verify_message", "")
        return StoreAnswer(Answer.UNTRUSTED, why or "it can't be verified")
    except aiohttp.ClientSSLError:
        return StoreAnswer(Answer.OTHER_PROGRAM, "no TLS")
    except (aiohttp.ClientConnectorError, TimeoutError) as error:
        return StoreAnswer(Answer.NOTHING, _reason(error))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return StoreAnswer(Answer.OTHER_PROGRAM, type(error).__name__)
    kids = _kids(body) if status == 200 else []
    is_redirect = redirects_to is not None and location == redirects_to + _PATH
    if is_redirect or keyring.current.kid in kids:
        return StoreAnswer(Answer.THIS_STORE)
    return (
        StoreAnswer(Answer.OTHER_STORE)
        if kids
        else StoreAnswer(Answer.OTHER_PROGRAM, f"status {status}, no keys")
    )


async def _get(
    url: str, address: str, *, verify: ssl.SSLContext | bool
) -> tuple[int, str, bytes]:
    """Return the status, `Location` and body of a URL, at an IP address."""
    connector = aiohttp.TCPConnector(
        resolver=FixedResolver(address), ssl=verify, use_dns_cache=False
    )
    async with (
        asyncio.timeout(_SECONDS),
        aiohttp.ClientSession(connector=connector, trust_env=False) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        return (
            response.status,
            response.headers.get("Location", ""),
            await response.content.read(_MAX_BYTES),
        )


def _reason(error: aiohttp.ClientConnectorError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {_SECONDS:g} s"
    code = error.os_error.errno  # its text repeats the address
    return os.strerror(code) if code else type(error.os_error).__name__


def _kids(body: bytes) -> Sequence[Any]:
    """Return the names of published keys, none of another text."""
    try:
        keys = parse_list(body)
    except InvalidKeyList:
        return []
    return [each.get("kid") for each in keys if isinstance(each, dict)]
