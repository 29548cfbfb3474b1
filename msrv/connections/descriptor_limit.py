# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Limit of file descriptors, and the connections and downloads it allows.

A shell's usual limit is 1,024, of which a download over plain HTTP takes
three: its socket, a second descriptor of it for sendfile(2), and the file.
Some are reserved, so that the catalog, the ledger, webhooks and mail can be
read and written however many visitors there are.
"""

import logging
import resource
from dataclasses import dataclass
from typing import Final

from msrv.connections.admission import ConnectionLimits

log = logging.getLogger(__name__)

RESERVE: Final = 128
"""Descriptors for databases, spools, caches, worker processes and logs."""
MAX_DESCRIPTORS: Final = 65_536
"""The soft limit is never raised beyond this: where the hard limit is a
billion, as in some containers, child processes would try to close as many."""
_PER_DOWNLOAD: Final = 2
"""Descriptors of a download in addition to its connection's socket."""
_MIN_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Capacity:
    """Limits of downloads and connections that the descriptors allow."""

    max_downloads: int
    connections: ConnectionLimits


def raise_limit() -> int:
    """Raise the soft limit as far as possible, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        MAX_DESCRIPTORS
        if hard == resource.RLIM_INFINITY
        else min(hard, MAX_DESCRIPTORS)
    )
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # macOS has a lower limit
        log.warning("can't raise the limit of open files: %s", error)
        return soft
    return wanted


def plan_capacity(
    limit: int, *, max_downloads: int, max_connections: int, per_client: int
) -> Capacity:
    """Return the wanted limits, reduced to what the descriptors allow.

    Where they are reduced, a warning names the limit that would suffice.
    """
    usable = max(limit - RESERVE, _MIN_CONNECTIONS)
    needed = max_connections + _PER_DOWNLOAD * max_downloads
    if needed <= usable:
        return Capacity(
            max_downloads, ConnectionLimits(max_connections, per_client)
        )
    # Half for downloads, each with its connection, and half for pages.
    downloads = min(max_downloads, max(1, usable // (2 * _PER_DOWNLOAD)))
    connections = min(
        max_connections,
        max(_MIN_CONNECTIONS, usable - _PER_DOWNLOAD * downloads),
    )
    log.warning(
        "the limit of %d open files allows %d connections and %d downloads, "
        "not MSRV_MAX_CONNECTIONS=%d and MSRV_MAX_DOWNLOADS=%d; "
        "raise the hard limit (ulimit -Hn) to %d",
        limit,
        connections,
        downloads,
        max_connections,
        max_downloads,
        needed + RESERVE,
    )
    return Capacity(downloads, ConnectionLimits(connections, per_client))
