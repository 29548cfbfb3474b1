"""Tests that run at once, and those that must not.

`make test ARGS="-n 2"` has pytest-xdist run two at a time, a file's tests one
after the other. All that drive the container engine or a browser count as one
file: an engine's networks come and go, and a browser takes that for the end
of its own. A test that is marked `alone`, since it looks at how long something
takes, waits until no other runs.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from xdist.scheduler import LoadScopeScheduling

_ROOM = Path(__file__)
_DOOR = Path(__file__).parent
"""What is locked: both are there, and both are never written."""


class Files(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives a file at a time to whoever has nothing to do."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        shared = {"containers", "journeys"} & set(path.parts)
        return "the machine's" if shared else str(path)


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
