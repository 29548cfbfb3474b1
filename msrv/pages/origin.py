"""Who asked, and under which address: what is believed of a request.

The rules, in whole:

- The peer is the other end of the socket. Only where the peer is one of
  `MSRV_TRUSTED_PROXIES` do its `X-Forwarded-For` and `X-Forwarded-Proto`
  count; from anyone else they are ignored.
- `X-Forwarded-For` is walked from the right, past trusted proxies; the first
  address that is not one is the client. Where an entry can't be read, the
  last readable one to its right is the client: what a stranger wrote further
  left is never looked at.
- `X-Forwarded-Proto` counts with exactly one value, `http` or `https`.
- `Host` names the store. It is ours when it is the host of
  `MSRV_PUBLIC_URL`, a name of this machine, or an IP address (which no
  DNS rebinding can borrow). `X-Forwarded-Host` and `Forwarded` are ignored.
- Addresses that the store gives out begin with `MSRV_PUBLIC_URL` where it
  is set, and else with the scheme and the host that were asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy

from msrv.certificates import names_of_this_machine
from msrv.settings import Network, Settings

Address = IPv4Address | IPv6Address

_MAX_HOPS: Final = 32


class ForeignHost(Exception):
    """The request asks for a host that is not this store."""


class ForeignOrigin(Exception):
    """A request that changes something comes from another site's page."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is believed of one request.

    `client` is None where the peer has no IP address (a Unix socket).
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
        hosts = set(names_of_this_machine())
        if settings.host is not None:
            hosts.add(settings.host.lower())
        if settings.public_url is not None:
            hosts.add(urlsplit(settings.public_url).hostname or "")
        return cls(
            settings.trusted_proxies, settings.public_url, frozenset(hosts)
        )

    def trusts(self, address: Address | None) -> bool:
        """Whether an address is one of the trusted proxies'."""
        return address is not None and any(
            address in network for network in self.trusted
        )

    def trusts_peer(self, peer: str | None) -> bool:
        """Whether the other end of the socket is a trusted proxy."""
        return self.trusts(_address(peer or ""))

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
        client = _address(peer or "")
        scheme = "https" if secure else "http"
        if self.trusts(client):
            client = self._client(
                client, headers.getall("X-Forwarded-For", ())
            )
            protos = headers.getall("X-Forwarded-Proto", ())
            if len(protos) == 1 and protos[0] in {"http", "https"}:
                scheme = protos[0]
        host = headers.get("Host", "").lower()
        base_url = self.public_url or f"{scheme}://{host}"
        return Origin(client, scheme, host, base_url)

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this store."""
        name = _host_name(host)
        return name in self.hosts or _address(name) is not None

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

    def _client(
        self, peer: Address | None, values: Sequence[str]
    ) -> Address | None:
        client = peer
        hops = ",".join(values).split(",")
        for hop in reversed(hops[-_MAX_HOPS:]):
            address = _address(hop.strip())
            if address is None:
                return client
            client = address
            if not self.trusts(address):
                return client
        return client


@lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    """Read the name in a `Host` header; empty where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    if not name or parts.netloc != host or "@" in host:
        return ""
    return name.rstrip(".")


@lru_cache(maxsize=1024)
def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    # A dual-stack socket shows 10.0.0.1 as ::ffff:10.0.0.1.
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
