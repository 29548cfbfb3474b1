# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Idle priority: a process that only runs while nothing else wants to.

Apart from `confinement`, which refuses these system calls from then on.
"""

import contextlib
import ctypes
import os
import platform
import sys
from typing import Final

IDLE: Final = "idle"
NORMAL: Final = "normal"
"""Names of the two priorities on a command line."""

_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS: Final = 1
_IDLE_CLASS: Final = 3 << 13
_LOWEST: Final = 19


def lower_priority() -> None:
    """Lower this process's priority for the processor and the disk.

    SCHED_IDLE and the disk's idle class on Linux, elsewhere the lowest
    niceness; what the system refuses is skipped.
    """
    with contextlib.suppress(OSError):
        os.nice(_LOWEST)
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(
            ctypes.c_long(number), _WHO_PROCESS, 0, _IDLE_CLASS
        )
