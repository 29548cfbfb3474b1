# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client address and base URL of a request: what is trusted, and when.

The complete rules:

- The peer is the other end of the socket. Only where the peer is one of
  `MSRV_TRUSTED_PROXIES` do its `X-Forwarded-For` and `X-Forwarded-Proto`
  count; from any other peer they are ignored.
- `X-Forwarded-For` is walked from the right, past trusted proxies; the first
  address that is not one is the client. If that entry can't be parsed, the
  client is unknown, and trusted with nothing.
- `X-Forwarded-Proto` counts with `http` or `https` in any case; of several
  the first.
- `Host` must name the store: the host of `MSRV_PUBLIC_URL`, a name of
  `MSRV_DOMAIN` or a name of this machine. An IP address, which DNS rebinding
  can't use, is accepted if `MSRV_PUBLIC_URL` is set, or if it is a loopback
  address or the one that the connection came to, because it becomes part of
  the store's links. `X-Forwarded-Host` and `Forwarded` are ignored.
- The other names of `MSRV_DOMAIN` are redirected to the first.
- The operators' addresses under `/-/` also accept any IP address, a name
  without dots, or no `Host`, for health checks.
- The store's links start with `MSRV_PUBLIC_URL` if it is set, otherwise with
  the scheme and the host of the request.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDictProxy

from msrv import forwarded_headers
from msrv.forwarded_headers import Address
from msrv.hostnames import BadHostname, address_of, to_ascii
from msrv.settings import Network, Settings
from msrv.tls.development_certificate import local_names

_HOST: Final = re.compile(r"(\[[^\]]*\]|[^][:/?#@\\,\s]+)(?::[0-9]{0,5})?")
_FORWARDING: Final = re.compile(
    r"(?:x-)?forwarded(?:-[a-z]+)*|x-real-ip|x-client-ip|true-client-ip"
    r"|cf-connecting-ip|x-original-[a-z]+|via",
    re.IGNORECASE,
)


class ForeignHost(Exception):
    """The request is for another host than this store."""


class ForeignOrigin(Exception):
    """A request that changes something was sent by another site's page."""


class Origin(NamedTuple):
    """Client and base URL of one request.

    `client` is None if the peer has no IP address (a Unix socket), or if a
    trusted proxy states none. `base_url` has no trailing slash.
    """

    client: Address | None
    scheme: str
    host: str
    base_url: str


@dataclass(frozen=True, slots=True)
class OriginRules:
    """The rules of this store; see the module's docstring."""

    trusted: tuple[Network, ...]
    public_url: str | None
    hosts: frozenset[str]
    other_names: frozenset[str] = frozenset()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the rules of the settings."""
        hosts = set(local_names())
        if settings.host is not None:
            hosts.add(settings.host.lower())
        if settings.public_url is not None:
            hosts.add(urlsplit(settings.public_url).hostname or "")
        hosts.update(settings.domain)
        return cls(
            settings.trusted_proxies,
            settings.public_url,
            frozenset(hosts),
            frozenset(settings.domain[1:]),
        )

    def trusts(self, address: Address | None) -> bool:
        """Return whether an address belongs to a trusted proxy."""
        return forwarded_headers.is_in(address, self.trusted)

    def trusts_peer(self, peer: str | None) -> bool:
        """Return whether the peer of the socket is a trusted proxy."""
        return self.trusts(forwarded_headers.parse_address(peer or ""))

    def resolve(
        self,
        peer: str | None,
        *,
        secure: bool,
        headers: CIMultiDictProxy[str],
    ) -> Origin:
        """Return the origin; `secure` tells whether this process did the TLS.

        Never raises: `is_own_host` checks the host.
        """
        client = forwarded_headers.parse_address(peer or "")
        scheme = "https" if secure else "http"
        if self.trusts(client):
            client = forwarded_headers.client_of(
                peer, headers.getall("X-Forwarded-For", ()), self.trusted
            )
            stated = headers.getall("X-Forwarded-Proto", ())
            scheme = forwarded_headers.scheme_of(stated) or scheme
        host = headers.get("Host", "").lower()
        base_url = self.public_url or f"{scheme}://{host}"
        return Origin(client, scheme, host, base_url)

    def is_own_host(self, host: str, own: Address | None = None) -> bool:
        """Return whether a `Host` header names this store.

        `own` is the address that the connection came to.
        """
        name = _host_name(host)
        if name in self.hosts:
            return True
        address = forwarded_headers.parse_address(name.strip("[]"))
        return address is not None and (
            self.public_url is not None
            or address.is_loopback
            or address == own
        )

    def is_other_name(self, host: str) -> bool:
        """Return whether a `Host` is a name that redirects to the first."""
        return bool(self.other_names) and _host_name(host) in self.other_names

    def is_own_network(
        self, peer: str | None, headers: CIMultiDictProxy[str]
    ) -> bool:
        """Return whether a trusted machine, or this one, sends a request.

        Itself, that is, not as a proxy: those add a forwarding header or pass
        on the visitor's `Host`. What such a header states doesn't count: with
        source NAT, any visitor may appear as an address of the network.
        """
        address = forwarded_headers.parse_address(peer or "")
        return (
            address is not None
            and (address.is_loopback or self.trusts(address))
            and is_internal(headers.get("Host", ""))
            and not any(map(_FORWARDING.fullmatch, headers))
        )

    def is_same_site(
        self,
        origin: Origin,
        headers: CIMultiDictProxy[str],
        *,
        has_own_cookie: bool,
    ) -> bool:
        """Return whether a POST comes from the store's own page, or from none.

        `has_own_cookie` tells that a SameSite cookie of the store came with
        it, which a browser only sends from the store's own pages.

        Browsers send `Origin` with every POST. It is `null`, however, for a
        form on a page without referrers (Fetch, section 3.2), like the
        store's own and possibly another site's: then `Sec-Fetch-Site`
        decides or, in browsers without it, the cookie. A client that sends
        neither header is no browser, and sends no cookies on its own.
        """
        stated = headers.get("Origin")
        if stated not in {None, "null"}:
            ours = {f"{origin.scheme}://{origin.host}", origin.base_url}
            return str(stated).lower() in ours
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in {"same-origin", "none"}
        return stated is None or has_own_cookie


def origin_of_own_host(
    rules: OriginRules, request: web.BaseRequest
) -> Origin | None:
    """Return the origin of a request to one of the store's hosts.

    None for another host, and for a name that redirects to the first.
    """
    origin = rules.resolve(
        request.remote, secure=request.secure, headers=request.headers
    )
    is_own = names_store(
        rules, origin.host, request
    ) and not rules.is_other_name(origin.host)
    return origin if is_own else None


def names_store(
    rules: OriginRules, host: str, request: web.BaseRequest
) -> bool:
    """Return whether a `Host` header names the store that was connected to."""
    return rules.is_own_host(host) or rules.is_own_host(
        host, _own_address(request)
    )


def _own_address(request: web.BaseRequest) -> Address | None:
    """Return the local address of a request's connection."""
    transport = request.transport
    own = transport.get_extra_info("sockname") if transport else None
    return (
        forwarded_headers.parse_address(own[0])
        if isinstance(own, tuple)
        else None
    )


def is_internal(host: str) -> bool:
    """Return whether a `Host` is an IP address, a name without dots, or empty.

    No public site, and so no DNS rebinding, can have such a name.
    """
    if not host:
        return True
    name = _host_name(host)
    return bool(name) and ("." not in name or address_of(name) is not None)


@lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    """Return the name in a `Host` header; empty if it is invalid."""
    match = _HOST.fullmatch(host)
    if match is None:
        return ""
    name = match[1].lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return to_ascii(name)
    except BadHostname:
        return ""
