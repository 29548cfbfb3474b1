# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Idle priority: a process that only runs while nothing else wants to.

Apart from `confinement`, which refuses these system calls from then on.
"""

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

IDLE = "idle"
NORMAL = "normal"
"""Names of the two priorities on a command line."""

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS = 1
_IDLE_CLASS = 3 << 13
_LOWEST = 19


def lower_priority() -> None:
    """Lower this process's priority for the processor and the disk.

    SCHED_IDLE and the disk's idle class on Linux, elsewhere the lowest
    niceness; what the system refuses is skipped.
    """
    _try(lambda: os.nice(_LOWEST))
    if sys.platform != "linux":
        return
    _try(lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)))
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(
            ctypes.c_long(number), _WHO_PROCESS, 0, _IDLE_CLASS
        )


def _try(step: "Callable[[], object]") -> None:
    # contextlib.suppress would have to be imported by each ffmpeg.
    try:
        step()
    except OSError:
        return
