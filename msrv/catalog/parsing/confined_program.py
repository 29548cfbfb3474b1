# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confinement of a process by itself, and a program that is confined by it.

    python -c "from msrv.catalog.parsing.confined_program import main; main()"
        PARENT PRIORITY RESOURCES READABLE WRITABLE PROGRAM ARGUMENT...

The program is executed with its standard input, which it may reopen, and its
standard output, which it may reopen if that is a file. `command` returns the
command line.

Each ffmpeg starts by importing this, which imports little: `typing`, `json`
or `contextlib` would take as long as all the rest.
"""

import ctypes
import os
import resource
import stat
import sys

from msrv.catalog.parsing import landlock, seccomp
from msrv.catalog.parsing.priority import IDLE, lower_priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_NICENESS = 10
"""Below the priority of downloads."""
_MAIN = f"from {__name__} import main; main()"


def command(
    program: str,
    resources: dict[str, int],
    readable: tuple[str, ...],
    writable: tuple[str, ...],
    priority: str,
) -> tuple[str, ...]:
    """Return Python's arguments that run `program` confined.

    Append the program's arguments. `resources` are limits by the names that
    setrlimit() knows; `readable` and `writable` are folders. Only this
    process may start it, with PATH and PYTHONPATH in its environment.
    """
    return (
        *("-P", "-s", "-S", "-c", _MAIN, str(os.getpid()), priority),
        " ".join(f"{name}={value}" for name, value in resources.items()),
        os.pathsep.join(readable),
        os.pathsep.join(writable),
        program,
    )


def main() -> None:
    """Confine this process and execute the program."""
    parent, priority, limits, readable, writable, *rest = sys.argv[1:]
    program, *arguments = rest
    pairs = (each.split("=") for each in limits.split())
    if priority == IDLE:
        lower_priority()
    else:
        os.nice(_NICENESS)
    # A pipe can't be reopened for writing, and has no rule.
    is_file = stat.S_ISREG(os.fstat(1).st_mode)
    confine_process(
        {name: int(value) for name, value in pairs},
        parent=int(parent),
        may_start_programs=True,
        readable=(
            *_split(readable),
            os.path.realpath(program),
            0,
        ),
        writable=(*_split(writable), *((1,) if is_file else ())),
    )
    os.execve(  # noqa: S606 - what the store found on its path
        program, [program, *arguments], {"PATH": os.environ["PATH"]}
    )


def confine_process(
    resources: dict[str, int],
    *,
    parent: int,
    may_start_programs: bool = False,
    readable: tuple[str | int, ...] = (),
    writable: tuple[str | int, ...] = (),
) -> tuple[str, ...]:
    """Confine this process; return the names of unsupported limits.

    `resources` are limits by the names that setrlimit() knows. `readable` and
    `writable` are paths, and descriptors of files that may be reopened; files
    that are already open stay readable. The process exits if `parent` isn't
    its parent any more, and is killed when the parent ends.
    """
    lacking = [
        name
        for name, value in resources.items()
        if not _set_limit(name, value)
    ]
    if sys.platform != "linux":
        return (*lacking, "Landlock", "seccomp")
    set_process_option(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        raise SystemExit
    set_process_option(_PR_SET_DUMPABLE, 0)
    steps: dict[str, Callable[[], None]] = {
        "PR_SET_NO_NEW_PRIVS": lambda: set_process_option(
            _PR_SET_NO_NEW_PRIVS, 1
        ),
        "Landlock": lambda: landlock.restrict_paths(
            readable=readable,
            writable=writable,
            executable=may_start_programs,
        ),
        "seccomp": lambda: seccomp.restrict_system_calls(
            may_start_programs=may_start_programs
        ),
    }
    for name, step in steps.items():
        try:
            step()
        except OSError:
            lacking.append(name)
    return tuple(lacking)


def forbid_dumps() -> None:
    """Forbid core dumps of this process, and other processes to read it.

    Linux only. Raises OSError.
    """
    set_process_option(_PR_SET_DUMPABLE, 0)


def set_process_option(option: int, value: int) -> None:
    """Set an option of this process, by prctl(2). Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(each) for each in (value, 0, 0, 0)]
    if libc.prctl(option, *arguments):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _split(folders: str) -> list[str]:
    return [each for each in folders.split(os.pathsep) if each]


def _set_limit(name: str, value: int) -> bool:
    """Lower a limit permanently; return False if unsupported."""
    number = getattr(resource, name, None)
    if number is None:
        return False
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(number, (value, value))
    except (OSError, ValueError):
        return False
    return True
