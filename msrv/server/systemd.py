# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""systemd's protocol with a service: inherited sockets, and notifications.

Sources: sd_listen_fds(3) and sd_notify(3). Without systemd, and for a process
that is not the service's first, nothing happens.
"""

import logging
import os
import socket
from collections.abc import MutableMapping
from typing import Final

from msrv.settings import WrongSetting

log = logging.getLogger(__name__)

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"

_FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START."""
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
_NOTIFY_SECONDS: Final = 5


def inherited_sockets(
    environ: MutableMapping[str, str] | None = None,
) -> list[socket.socket]:
    """Return the listening sockets that systemd has opened for this process.

    Child processes inherit neither the sockets nor the variables. Raises
    WrongSetting for a descriptor that is no listening TCP socket.
    """
    environ = os.environ if environ is None else environ
    process, count, _ = (environ.pop(name, "") for name in _VARIABLES)
    if process != str(os.getpid()) or not count.isdecimal():
        return []
    found = []
    for descriptor in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count)):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - no keyword
        found.append(_listening_socket(descriptor))
    return found


def _listening_socket(descriptor: int) -> socket.socket:
    try:
        opened = socket.socket(fileno=descriptor)
        listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listens = 0
    if (
        not listens
        or opened.type != socket.SOCK_STREAM
        or opened.family not in {socket.AF_INET, socket.AF_INET6}
    ):
        raise WrongSetting(
            f"systemd's descriptor {descriptor} is not a listening TCP "
            "socket: in msrv.socket, use only ListenStream= with ports"
        )
    return opened


def select(
    inherited: list[socket.socket], port: int | None
) -> list[socket.socket]:
    """Remove the sockets of a port, if any, from the list; return them."""
    found = [each for each in inherited if each.getsockname()[1] == port]
    for each in found:
        inherited.remove(each)
    return found


def close_unused(inherited: list[socket.socket]) -> None:
    """Close sockets that no setting uses, with a warning for each.

    systemd has them open still, so their connections would wait forever.
    """
    for each in inherited:
        log.warning(
            "systemd listens on port %d, which no setting uses: remove it "
            "from msrv.socket",
            each.getsockname()[1],
        )
        each.close()


def notify(
    state: str, environ: MutableMapping[str, str] | None = None
) -> None:
    """Send systemd a state, READY or STOPPING; a failure is only logged."""
    environ = os.environ if environ is None else environ
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_NOTIFY_SECONDS)
            sender.sendto(state.encode("ascii"), address)
    except OSError as error:
        log.warning("can't notify systemd: %s", error)
