"""File descriptors: how many this process may have, and what they allow.

A shell's usual limit is 1,024, of which a download over plain HTTP takes
three: its socket, a second descriptor of it for sendfile(2), and the file.
Some are kept in reserve, so that the catalog, the ledger, payment messages
and mail can be read and written however many visitors there are.
"""

import logging
import resource
from dataclasses import dataclass
from typing import Final

from msrv.connections.admission import Limits

log = logging.getLogger(__name__)

RESERVE: Final = 128
"""For all but visitors: databases, spools, caches, worker processes, logs."""
MOST: Final = 65_536
"""The soft limit is never raised beyond this: where the hard limit is a
billion, as in some containers, programs that are started from here would try
to close so many."""
_BY_DOWNLOAD: Final = 2
"""Descriptors of a download beside its connection's socket."""
_LEAST: Final = 16


@dataclass(frozen=True, slots=True)
class Room:
    """Numbers of downloads and connections that the descriptors allow."""

    max_downloads: int
    connections: Limits


def raise_limit() -> int:
    """Raise the soft limit to the hard one, or to MOST; return what it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # macOS has a limit beyond it
        log.warning("can't raise the limit of open files: %s", error)
        return soft
    return wanted


def fit(
    limit: int, *, max_downloads: int, max_connections: int, per_client: int
) -> Room:
    """Return as much of what is wanted as a limit of descriptors allows.

    Warns where that is less: with the limit that would do.
    """
    usable = max(limit - RESERVE, _LEAST)
    needed = max_connections + _BY_DOWNLOAD * max_downloads
    if needed <= usable:
        return Room(max_downloads, Limits(max_connections, per_client))
    # Half for downloads, each with its connection, and half for pages.
    downloads = min(max_downloads, max(1, usable // (2 * _BY_DOWNLOAD)))
    connections = min(
        max_connections, max(_LEAST, usable - _BY_DOWNLOAD * downloads)
    )
    log.warning(
        "this process may open %d files: that is enough for %d connections "
        "and %d downloads at once, not for MSRV_MAX_CONNECTIONS=%d and "
        "MSRV_MAX_DOWNLOADS=%d; raise its hard limit (ulimit -Hn) to %d",
        limit,
        connections,
        downloads,
        max_connections,
        max_downloads,
        needed + RESERVE,
    )
    return Room(downloads, Limits(connections, per_client))
