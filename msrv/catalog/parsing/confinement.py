# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confinement of processes that parse untrusted files.

The command line and environment to start them with, and the limits that such
a process sets on itself before it opens anything. A limit can't be lifted
again; those that the system doesn't support are skipped and reported.
"""

import contextlib
import os
import resource
import sys
import time
from typing import Final, NamedTuple

from msrv.catalog.parsing.confined_program import (
    confine_process,
    forbid_dumps,
)

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


def python_command(module: str) -> tuple[str, ...]:
    """Return the command line that runs a module of this package."""
    # -P, -s: no modules from the current folder or from the user's home.
    return (sys.executable, "-P", "-s", "-m", module)


def confine(
    limits: ResourceLimits,
    *,
    parent: int,
) -> tuple[str, ...]:
    """Confine this process; return the names of unsupported limits.

    It exits if `parent` isn't its parent any more, and is killed when the
    parent ends.
    """
    return confine_process(
        limits.resources,
        parent=parent,
        readable=limits.readable,
        writable=limits.writable,
    )


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
            forbid_dumps()
