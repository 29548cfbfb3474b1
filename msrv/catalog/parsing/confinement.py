# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confinement of processes that parse untrusted files.

The command line and environment to start them with, and the limits that such
a process sets on itself before it opens anything. A limit can't be lifted
again; those that the system doesn't support are skipped and reported.

Each ffmpeg starts by importing this: `dataclasses` and `pathlib` would take
as long as all the rest.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from msrv.catalog.parsing import landlock, seccomp

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

PROGRAM_FOLDERS: Final = (
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr"),
    *("/nix/store", "/gnu/store", "/etc/ld.so.cache", "/dev/urandom"),
)
"""Folders of programs and their libraries, without any data of the store."""
ENVIRONMENT: Final = {
    "PATH": os.defpath,
    # The package itself, from any folder; no bytecode is written beside it.
    "PYTHONPATH": __file__.rpartition("/msrv/")[0],
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""The whole environment: nothing of the store's own is in it."""


class ResourceLimits(NamedTuple):
    """Limits on the resources and files of a process.

    `memory_bytes` bounds its address space (RLIMIT_AS), `data_bytes` the
    writable part of it (RLIMIT_DATA), `file_bytes` the size of files that it
    writes, and `cpu_seconds` the total over all threads. `readable` and
    `writable` are paths; files that are already open stay readable.
    """

    memory_bytes: int
    data_bytes: int
    cpu_seconds: int
    open_files: int
    file_bytes: int = 0
    stack_bytes: int = 1 << 20
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    @property
    def resources(self) -> dict[str, int]:
        """The limits that setrlimit() knows, by its names."""
        return {
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_DATA": self.data_bytes,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_STACK": self.stack_bytes,
            "RLIMIT_CORE": 0,
        }


def python_command(
    module: str, *, needs_packages: bool = True
) -> tuple[str, ...]:
    """Return the command line that runs a module of this package.

    Without `needs_packages` it starts faster, with the standard library only.
    """
    # -P, -s: no modules from the current folder or from the user's home.
    options = ("-P", "-s") if needs_packages else ("-P", "-s", "-S")
    return (sys.executable, *options, "-m", module)


def confine(
    limits: ResourceLimits,
    *,
    parent: int,
    may_start_programs: bool = False,
    readable: tuple[int, ...] = (),
    writable: tuple[int, ...] = (),
) -> tuple[str, ...]:
    """Confine this process; return the names of unsupported limits.

    `readable` are descriptors of files that may be reopened, and `writable`
    of those that may be reopened for reading and writing. The process
    exits if `parent` isn't its parent any more, and is killed when the parent
    ends.
    """
    lacking = [
        name
        for name, value in limits.resources.items()
        if not _set_limit(name, value)
    ]
    if sys.platform != "linux":
        return (*lacking, "Landlock", "seccomp")
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit
    _prctl(_PR_SET_DUMPABLE, 0)
    steps: dict[str, Callable[[], None]] = {
        "PR_SET_NO_NEW_PRIVS": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "Landlock": lambda: landlock.restrict_paths(
            readable=(*limits.readable, *readable),
            writable=(*limits.writable, *writable),
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


def allow_cpu(seconds: int) -> None:
    """Set the limit on CPU time to `seconds` from now.

    At most the total of its ResourceLimits.
    """
    until = int(time.process_time()) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        until = min(until, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def hide_memory() -> None:
    """Hide this process's memory from other processes of its user.

    They can read neither it nor the environment, and there is no core dump
    (PR_SET_DUMPABLE). Linux only.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _prctl(_PR_SET_DUMPABLE, 0)


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


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_ulong(each) for each in (value, 0, 0, 0))
    if libc.prctl(option, *arguments):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
