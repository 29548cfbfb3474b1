"""Tests that run at once, and those that must not.

`make test ARGS="-n 2"` has pytest-xdist run two at a time, a file's tests one
after the other. All that drive the container engine count as one file, and so
do all that drive a browser. An engine's networks come and go, and a browser
takes that for the end of its own: where the machine allows it, a browser is
in a network where nothing does, and else both are one file. A test that is
marked `alone`, since it looks at how long something takes, waits until no
other runs.
"""

import ctypes
import fcntl
import functools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from xdist.scheduler import LoadScopeScheduling

_ROOM = Path(__file__)
_DOOR = Path(__file__).parent
"""What is locked: both are there, and both are never written."""

_NETWORK: Final = 0x40000000
"""CLONE_NEWNET, linux/sched.h."""
_LOOPBACK_UP: Final = ("ip", "link", "set", "lo", "up")
_libc: Final = ctypes.CDLL(None, use_errno=True)


class Files(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives a file at a time to whoever has nothing to do."""

    def _split_scope(self, nodeid: str) -> str:
        if drives_browser(nodeid):
            return "the browser's" if can_part() else "the engine's"
        path = _path(nodeid)
        return "the engine's" if "containers" in path.parts else str(path)


def drives_browser(nodeid: str) -> bool:
    """Whether a test does, or has what such tests share."""
    return "journeys" in _path(nodeid).parts


def _path(nodeid: str) -> PurePosixPath:
    return PurePosixPath(nodeid.partition("::")[0])


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Have a turn: with the others, or after them and before the next."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    door, room = (os.open(path, os.O_RDONLY) for path in (_DOOR, _ROOM))
    try:
        # Who waits to be alone stands in the door, or would never get in.
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
    finally:
        os.close(room)
        os.close(door)


@functools.cache
def can_part() -> bool:
    """Whether a process here may have a network of its own."""
    try:
        subprocess.run(
            ["unshare", "--net", *_LOOPBACK_UP],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def apart(*, wanted: bool) -> Iterator[None]:
    """Have this thread, and what it starts, in a network of loopback alone."""
    if not (wanted and "PYTEST_XDIST_WORKER" in os.environ and can_part()):
        yield
        return
    before = _network()
    try:
        _enter(_own_network())
        yield
    finally:
        _enter(before)
        os.close(before)


@functools.cache
def _own_network() -> int:
    """Make one, once: what one test has started is there for the next."""
    if _libc.unshare(_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(_LOOPBACK_UP, check=True)
    return _network()


def _network() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _enter(network: int) -> None:
    if _libc.setns(network, _NETWORK):
        raise OSError(ctypes.get_errno(), "setns")
