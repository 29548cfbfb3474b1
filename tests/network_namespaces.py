# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Network namespaces of Linux: of this thread, and of its children."""

import ctypes
import functools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOOPBACK_UP: Final = ("ip", "link", "set", "lo", "up")
_NETWORK: Final = 0x40000000
"""CLONE_NEWNET, linux/sched.h."""
_libc: Final = ctypes.CDLL(None, use_errno=True)


@functools.cache
def are_available() -> bool:
    """Return whether processes here may create a network namespace."""
    try:
        subprocess.run(
            ["unshare", "--net", *LOOPBACK_UP],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def new_network() -> Iterator[None]:
    """Run this thread, and its children, in a network with loopback only."""
    before = current_network()
    try:
        enter_new_network()
        yield
    finally:
        enter_network(before)
        os.close(before)


def enter_new_network() -> None:
    """Create a network with loopback only, and enter it."""
    if _libc.unshare(_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(LOOPBACK_UP, check=True)


def current_network() -> int:
    """Return a descriptor of this thread's network."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def enter_network(network: int) -> None:
    """Run this thread in another network."""
    if _libc.setns(network, _NETWORK):
        raise OSError(ctypes.get_errno(), "setns")
