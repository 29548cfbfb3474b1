# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to addresses that others chose, protected from SSRF.

Apart from the notifications, so that it can be reviewed and tested alone.
`msrv.outbound` checks the addresses, and sends the requests.
"""

from typing import Final
from urllib.parse import urlsplit

from msrv.deployer.config_model import DOCKER_HUB
from msrv.deployer.errors import DeliveryFailed, UnsafeAddress
from msrv.outbound import requests
from msrv.outbound.addresses import (
    HostResolver,
    PrivateAddress,
    Unreachable,
)

SECONDS: Final = 10
_HUB_HOSTS: Final = frozenset({"registry.hub.docker.com", "hub.docker.com"})


def check_callback(url: str, registry: str) -> None:
    """Raise UnsafeAddress unless a callback is at its registry."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnsafeAddress("the callback is not a valid URL") from None
    hosts = _HUB_HOSTS if registry == DOCKER_HUB else {registry}
    if parts.scheme != "https" or port not in {None, 443}:
        raise UnsafeAddress("the callback is not HTTPS on port 443")
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddress("the callback contains a user name")
    if (parts.hostname or "") not in hosts:
        raise UnsafeAddress("the callback is not on the registry's host")


async def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    allow_private: bool = False,
) -> None:
    """Send a POST that must get a 2xx. Raises UnsafeAddress, DeliveryFailed.

    The texts of errors don't contain the address, which may be a secret.
    """
    try:
        with HostResolver() as resolver:
            response = await requests.post(
                url,
                body,
                headers,
                resolver=resolver,
                allow_private=allow_private,
                timeout_seconds=SECONDS,
            )
    except PrivateAddress as error:
        raise UnsafeAddress(str(error)) from None
    except Unreachable as error:
        raise DeliveryFailed(str(error)) from None
    if not 200 <= response.status < 300:
        raise DeliveryFailed(f"it responded with status {response.status}")
