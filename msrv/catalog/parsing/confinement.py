"""Limits on a process that parses what strangers made.

Each is set by the process itself before it opens anything, and can't be
taken back. What a system doesn't have is left out and named.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.catalog.parsing import landlock, seccomp

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

PROGRAM_FOLDERS: Final = (
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr"),
    *("/nix/store", "/gnu/store", "/etc/ld.so.cache", "/dev/urandom"),
)
"""Folders of programs and their libraries; nothing of the store's is there."""
ENVIRONMENT: Final = {
    "PATH": os.defpath,
    # The package, wherever it is run from; nothing is written beside it.
    "PYTHONPATH": str(Path(__file__).parents[3]),
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""Its whole environment: nothing of the store's own is in it."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits on the resources and files of a process.

    `memory_bytes` bounds its address space (RLIMIT_AS), `data_bytes` what of
    that it writes to (RLIMIT_DATA). `file_bytes` is the size that it may
    write a file to. `cpu_seconds` are in all, over all its threads.
    `readable` and `writable` are paths; what is open already is always
    readable.
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

    Without `needs_packages` it starts faster, with the standard library
    alone.
    """
    # -P, -s: no module of the folder it is run in, nor of a user's home.
    options = ("-P", "-s") if needs_packages else ("-P", "-s", "-S")
    return (sys.executable, *options, "-m", module)


def confine(
    limits: ResourceLimits,
    *,
    parent: int,
    may_start_programs: bool = False,
    readable: tuple[int, ...] = (),
) -> tuple[str, ...]:
    """Confine this process; return the names of what couldn't be set.

    `readable` are descriptors of files that may be opened anew. The process
    ends where `parent` isn't its parent any more, and when that ends.
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
            writable=limits.writable,
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
    """Set the limit on CPU time to so many seconds from now.

    No more than its Limits say in all.
    """
    until = int(time.process_time()) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        until = min(until, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def hide_memory() -> None:
    """Hide this process's memory from others of the same user.

    They can't read it, nor its environment, and it leaves no core dump
    (PR_SET_DUMPABLE). Linux alone has that.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _prctl(_PR_SET_DUMPABLE, 0)


def _set_limit(name: str, value: int) -> bool:
    """Lower a limit for good; False where the system doesn't."""
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
