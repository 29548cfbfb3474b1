"""TLS rules for connections to MariaDB.

Apart from `db.connection`, whose driver is too slow to import at start.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Final, Self

from msrv.settings import Network, Settings

LOOPBACK: Final[tuple[Network, ...]] = (
    ip_network("127.0.0.0/8"),
    ip_network("::1/128"),
)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """The operator's certificate authority, and their private networks.

    Without `ca`, certificates are verified by the system's authorities.
    """

    ca: Path | None = None
    private_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules that the settings state."""
        return cls(settings.database_ca, settings.database_private_networks)

    def allows_plain(self, address: Address) -> bool:
        """Return whether a connection to an address may do without TLS."""
        mapped = getattr(address, "ipv4_mapped", None)
        return any(
            (mapped or address) in network
            for network in (*LOOPBACK, *self.private_networks)
        )


DEFAULT_RULES: Final = ConnectionRules()
