# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Program that confines its own process and then executes ffmpeg.

    python -m msrv.catalog.parsing.confined_ffmpeg
        PARENT PRIORITY LIMITS PROGRAM ARGUMENT...

It reads its standard input, which it may reopen, and writes to its standard
output, which it may reopen if that is a file. LIMITS is JSON;
`ffmpeg_command` returns the command line.
"""

import json
import os
import stat
import sys
from typing import Final

from msrv.catalog.parsing.confinement import (
    ENVIRONMENT,
    PROGRAM_FOLDERS,
    ResourceLimits,
    confine,
    python_command,
)
from msrv.catalog.parsing.priority import IDLE, NORMAL, lower_priority

LIMITS: Final = ResourceLimits(
    memory_bytes=1 << 30,
    data_bytes=160 << 20,
    cpu_seconds=60,
    open_files=32,
    stack_bytes=2 << 20,
)
"""Limits on ffmpeg; most of its address space is libraries."""
_NICENESS: Final = 10
"""Below the priority of downloads."""


def ffmpeg_command(
    program: str, limits: ResourceLimits = LIMITS, *, is_idle: bool = False
) -> tuple[str, ...]:
    """Return the start of a command line that runs `program` confined.

    Append the program's arguments. Only this process may start it, with
    ENVIRONMENT. With `is_idle`, it runs while nothing else wants to.
    """
    return (
        *python_command(
            "msrv.catalog.parsing.confined_ffmpeg", needs_packages=False
        ),
        str(os.getpid()),
        IDLE if is_idle else NORMAL,
        json.dumps(limits._asdict()),
        program,
    )


def main() -> None:
    """Confine this process and execute the program."""
    parent, priority, limits, program, *arguments = sys.argv[1:]
    found = ResourceLimits(**json.loads(limits))
    readable = (*found.readable, *PROGRAM_FOLDERS, os.path.realpath(program))
    if priority == IDLE:
        lower_priority()
    else:
        os.nice(_NICENESS)
    # A pipe can't be reopened for writing, and has no rule.
    is_file = stat.S_ISREG(os.fstat(1).st_mode)
    confine(
        found._replace(readable=readable),
        parent=int(parent),
        may_start_programs=True,
        readable=(0,),
        writable=(1,) if is_file else (),
    )
    os.execve(  # noqa: S606 - what the store found on its path
        program, [program, *arguments], {"PATH": ENVIRONMENT["PATH"]}
    )


if __name__ == "__main__":
    main()
