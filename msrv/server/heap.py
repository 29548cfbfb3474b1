# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Heap of the C library, which gives each thread a part of its own.

Apart from the commands: it is about the C library, and nothing else is.
"""

import ctypes
import os
from typing import Final

_ARENA_MAX: Final = -8
"""M_ARENA_MAX, glibc's malloc.h."""


def share_between_threads() -> None:
    """Make all threads allocate from one heap, where the C library can.

    What they free in parts of their own stays there, unused by others: 3 MB
    after a start. Python's threads hardly ever allocate at the same time.
    glibc only; MALLOC_ARENA_MAX in the environment comes first.
    """
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    if limit is not None and "MALLOC_ARENA_MAX" not in os.environ:
        limit(_ARENA_MAX, 1)
