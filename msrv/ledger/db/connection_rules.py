"""Rules on TLS for connections to MariaDB.

Apart from `connection`, which imports MariaDB's driver: that takes longer
than a start has.
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
    """Rules for a connection: the operator's CA, and private networks.

    Without `ca`, a certificate is verified by the system's authorities.
    """

    ca: Path | None = None
    private_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules that the settings state."""
        return cls(settings.database_ca, settings.database_private_networks)

    def allows_plain(self, address: Address) -> bool:
        """Whether nothing has to be encrypted on the way to an address."""
        mapped = getattr(address, "ipv4_mapped", None)
        return any(
            (mapped or address) in network
            for network in (*LOOPBACK, *self.private_networks)
        )


DEFAULT_RULES: Final = ConnectionRules()
