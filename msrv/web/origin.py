"""Who asked, and under which address: what is believed of a request.

The rules, in whole:

- The peer is the other end of the socket. Only where the peer is one of
  `MSRV_TRUSTED_PROXIES` do its `X-Forwarded-For` and `X-Forwarded-Proto`
  count; from anyone else they are ignored.
- `X-Forwarded-For` is walked from the right, past trusted proxies; the first
  address that is not one is the client. Where that entry can't be read, the
  client is nobody, and is trusted with nothing.
- `X-Forwarded-Proto` counts with `http` or `https` in any case; of several
  the first.
- `Host` names the store. It is ours when it is the host of
  `MSRV_PUBLIC_URL` or a name of this machine. An IP address, which no DNS
  rebinding can borrow, is ours where `MSRV_PUBLIC_URL` is set, or where it is
  loopback's or the one that the connection came to: it becomes part of what
  the store gives out. `X-Forwarded-Host` and `Forwarded` are ignored.
- What operators ask for under `/-/` is also answered under any IP address, a
  name without dots, or none: health checks use what they have.
- Addresses that the store gives out begin with `MSRV_PUBLIC_URL` where it
  is set, and else with the scheme and the host that were asked for.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDictProxy

from msrv import forwarded
from msrv.forwarded import Address
from msrv.hostnames import BadHostname, address_of, to_ascii
from msrv.settings import Network, Settings
from msrv.tls.certificates import local_names

_HOST: Final = re.compile(r"(\[[^\]]*\]|[^][:/?#@\\,\s]+)(?::[0-9]{0,5})?")
_FORWARDING: Final = re.compile(
    r"(?:x-)?forwarded(?:-[a-z]+)*|x-real-ip|x-client-ip|true-client-ip"
    r"|cf-connecting-ip|x-original-[a-z]+|via",
    re.IGNORECASE,
)


class ForeignHost(Exception):
    """The request asks for a host that is not this store."""


class ForeignOrigin(Exception):
    """A request that changes something comes from another site's page."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is believed of one request.

    `client` is None where the peer has no IP address (a Unix socket), or
    where a trusted proxy names none.
    `base_url` has no slash at its end.
    """

    client: Address | None
    scheme: str
    host: str
    base_url: str


@dataclass(frozen=True, slots=True)
class OriginRules:
    """What this store believes; see the module's docstring."""

    trusted: tuple[Network, ...]
    public_url: str | None
    hosts: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the rules from the settings."""
        hosts = set(local_names())
        if settings.host is not None:
            hosts.add(settings.host.lower())
        if settings.public_url is not None:
            hosts.add(urlsplit(settings.public_url).hostname or "")
        return cls(
            settings.trusted_proxies, settings.public_url, frozenset(hosts)
        )

    def trusts(self, address: Address | None) -> bool:
        """Whether an address is one of the trusted proxies'."""
        return forwarded.is_in(address, self.trusted)

    def trusts_peer(self, peer: str | None) -> bool:
        """Whether the other end of the socket is a trusted proxy."""
        return self.trusts(forwarded.parse_address(peer or ""))

    def read(
        self,
        peer: str | None,
        *,
        secure: bool,
        headers: CIMultiDictProxy[str],
    ) -> Origin:
        """Say what is believed; `secure` is this process's own TLS.

        Never raises: whether the host is ours is `knows`'s question.
        """
        client = forwarded.client_of(
            peer, headers.getall("X-Forwarded-For", ()), self.trusted
        )
        scheme = "https" if secure else "http"
        if self.trusts_peer(peer):
            stated = headers.getall("X-Forwarded-Proto", ())
            scheme = forwarded.scheme_of(stated) or scheme
        host = headers.get("Host", "").lower()
        base_url = self.public_url or f"{scheme}://{host}"
        return Origin(client, scheme, host, base_url)

    def knows(self, host: str, own: Address | None = None) -> bool:
        """Whether a `Host` header names this store.

        `own` is the address that the connection came to.
        """
        name = _host_name(host)
        if name in self.hosts:
            return True
        address = forwarded.parse_address(name.strip("[]"))
        return address is not None and (
            self.public_url is not None
            or address.is_loopback
            or address == own
        )

    def is_local(
        self, peer: str | None, headers: CIMultiDictProxy[str]
    ) -> bool:
        """Whether a request comes from this machine, and through no proxy.

        A proxy on this machine that isn't trusted looks like it. Most of them
        say that they forward, or keep the visitor's `Host`.
        """
        address = forwarded.parse_address(peer or "")
        return (
            address is not None
            and address.is_loopback
            and is_internal(headers.get("Host", ""))
            and not any(map(_FORWARDING.fullmatch, headers))
        )

    def same_site(
        self,
        origin: Origin,
        headers: CIMultiDictProxy[str],
        *,
        knows_visitor: bool,
    ) -> bool:
        """Whether a POST comes from our own page, or from no page at all.

        `knows_visitor` says that a SameSite cookie of ours came with it,
        which a browser sends from our own site alone.

        A browser states the `Origin` of every POST. A form's is `null`,
        though, where the page sends no referrer (Fetch, section 3.2), as
        ours do, and others' may: then `Sec-Fetch-Site` tells, or, in a
        browser from before it, the cookie. A client that states nothing at
        all is no browser, and carries nobody's cookies unasked.
        """
        stated = headers.get("Origin")
        if stated not in {None, "null"}:
            ours = {f"{origin.scheme}://{origin.host}", origin.base_url}
            return str(stated).lower() in ours
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in {"same-origin", "none"}
        return stated is None or knows_visitor


def own_address(request: web.BaseRequest) -> Address | None:
    """Return the address that a request's connection came to."""
    transport = request.transport
    own = transport.get_extra_info("sockname") if transport else None
    return forwarded.parse_address(own[0]) if isinstance(own, tuple) else None


def is_internal(host: str) -> bool:
    """Whether a `Host` is an address, a name without dots, or nothing.

    No site that a browser may be led to by its DNS has such a name.
    """
    if not host:
        return True
    name = _host_name(host)
    return bool(name) and ("." not in name or address_of(name) is not None)


@lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    """Return the name in a `Host` header; empty where it is none."""
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
