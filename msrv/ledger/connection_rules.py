# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS rules for connections to a database server, and its driver.

Apart from `db.engines`, which are too slow to import at start.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Final, Self

from msrv.settings import Network, Settings
from msrv.settings.optional_packages import require_packages

LOOPBACK: Final[tuple[Network, ...]] = (
    ip_network("127.0.0.0/8"),
    ip_network("::1/128"),
)
SSL_ERROR: Final = 2026
"""CR_SSL_CONNECTION_ERROR of MariaDB's client library."""

_DRIVERS: Final = {
    "mysql": ("mysql", "MariaDB"),
    "mariadb": ("mysql", "MariaDB"),
    "postgresql": ("postgresql", "PostgreSQL"),
    "postgres": ("postgresql", "PostgreSQL"),
}
"""Extra and name of each database server, by the scheme of its URLs."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """The operator's certificate authority, private networks, and replica.

    Without `ca`, certificates are verified by the system's authorities.
    `read_url` is that of a replica of the database, for reports; a standby is
    refused unless `accepts_standby`.
    """

    ca: Path | None = None
    private_networks: tuple[Network, ...] = ()
    read_url: str | None = field(default=None, repr=False)
    accepts_standby: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules that the settings state."""
        read = settings.database_read
        return cls(
            settings.database_ca,
            settings.database_private_networks,
            read.get_secret_value() if read else None,
        )

    def allows_plain(self, address: Address) -> bool:
        """Return whether a connection to an address may do without TLS."""
        mapped = getattr(address, "ipv4_mapped", None)
        return any(
            (mapped or address) in network
            for network in (*LOOPBACK, *self.private_networks)
        )


DEFAULT_RULES: Final = ConnectionRules()


def require_driver(database_url: str | None) -> None:
    """Raise PackageMissing unless the driver for a URL is installed.

    The URL's scheme is enough.
    """
    scheme = (database_url or "").partition(":")[0].partition("+")[0]
    if scheme in _DRIVERS:
        require_packages(*_DRIVERS[scheme])
