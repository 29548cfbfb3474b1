"""`serve --reload`: start the store again whenever its code changes.

A parent watches, a child serves. Polling, because a bind mount from another
system tells no one of a change; the tree is small. Templates and stylesheets
need no restart: the child reads them anew by itself.
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
_CHILD: Final = "MSRV_RELOAD_CHILD"
_END_SECONDS: Final = 2
_CODE: Final = Path(__file__).parent


def run(arguments: Sequence[str]) -> int:
    """Run `python -m msrv ARGUMENTS` and again at each change of code.

    Ends with the child's status when it is told to end; a child that fails
    to start waits for the next change.
    """
    ended = False

    def end(number: int, frame: object) -> None:  # noqa: ARG001
        nonlocal ended
        ended = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    known = _stamps()
    child = _start(arguments)
    while not ended:
        time.sleep(POLL_SECONDS)
        found = _stamps()
        if found != known:
            changed = sorted(
                path.name
                for path in found.keys() | known.keys()
                if found.get(path) != known.get(path)
            )
            print(f"changed: {', '.join(changed)}", file=sys.stderr)  # noqa: T201 - a terminal's program
            known = found
            _end(child)
            child = _start(arguments)
    return _end(child)


def is_child() -> bool:
    """Whether this process is the one that serves."""
    return _CHILD in os.environ


def _start(arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    # The same interpreter, the same module, arguments that we wrote.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "msrv", *arguments],
        env={**os.environ, _CHILD: "1"},
    )


def _end(child: "subprocess.Popen[bytes]") -> int:
    """End a child, gracefully for a moment; an edit should not wait."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def _stamps() -> dict[Path, int]:
    stamps = {}
    for path in _CODE.rglob("*.py"):
        try:
            stamps[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return stamps
