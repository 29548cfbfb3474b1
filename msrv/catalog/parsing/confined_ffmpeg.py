# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command line that runs ffmpeg confined, and its limits.

Apart from `confined_program`, which is run by it and imports little.
"""

import sys
from typing import Final

from msrv.catalog.parsing import confined_program
from msrv.catalog.parsing.confinement import PROGRAM_FOLDERS, ResourceLimits
from msrv.catalog.parsing.priority import IDLE, NORMAL

LIMITS: Final = ResourceLimits(
    memory_bytes=1 << 30,
    data_bytes=160 << 20,
    cpu_seconds=60,
    open_files=32,
    stack_bytes=2 << 20,
)
"""Limits on ffmpeg; most of its address space is libraries."""


def ffmpeg_command(
    program: str, limits: ResourceLimits = LIMITS, *, is_idle: bool = False
) -> tuple[str, ...]:
    """Return the start of a command line that runs `program` confined.

    Append the program's arguments. Only this process may start it, with
    ENVIRONMENT. With `is_idle`, it runs while nothing else wants to.
    """
    return (
        sys.executable,
        *confined_program.command(
            program,
            limits.resources,
            (*limits.readable, *PROGRAM_FOLDERS),
            limits.writable,
            IDLE if is_idle else NORMAL,
        ),
    )
