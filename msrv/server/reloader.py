# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Development reloader (`serve --reload`): restarts the store on code changes.

The parent polls modification times, the child serves. Polling, because a bind
mount from another system doesn't report changes; the tree is small. Templates
and stylesheets need no restart: the child reloads them itself.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.25
_CHILD_VARIABLE: Final = "MSRV_RELOAD_CHILD"
_STOP_SECONDS: Final = 2
_CODE: Final = Path(__file__).parents[1]


def run(arguments: Sequence[str]) -> int:
    """Run `python -m msrv ARGUMENTS`, restarted at each change of the code.

    Returns the child's exit status on SIGTERM or SIGINT. After a child that
    failed to start, waits for the next change.
    """
    stopped = False

    def stop(number: int, frame: object) -> None:  # noqa: ARG001
        nonlocal stopped
        stopped = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    known = _modification_times()
    child = _start(arguments)
    while not stopped:
        time.sleep(POLL_SECONDS)
        found = _modification_times()
        if found != known:
            changed = sorted(
                path.name
                for path in found.keys() | known.keys()
                if found.get(path) != known.get(path)
            )
            print(f"changed: {', '.join(changed)}", file=sys.stderr)  # noqa: T201 - for the terminal
            known = found
            _stop(child)
            child = _start(arguments)
    return _stop(child)


def is_child() -> bool:
    """Return whether this process is the child that serves."""
    return _CHILD_VARIABLE in os.environ


def _start(arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    # The same interpreter and module, with this process's arguments.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "msrv", *arguments],
        env={**os.environ, _CHILD_VARIABLE: "1"},
    )


def _stop(child: "subprocess.Popen[bytes]") -> int:
    """Send SIGTERM, after _STOP_SECONDS SIGKILL; return the exit status."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def _modification_times() -> dict[Path, int]:
    stamps = {}
    for path in _CODE.rglob("*.py"):
        try:
            stamps[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return stamps
