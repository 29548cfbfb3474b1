# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Processor time of a call, beside that of a fixed piece of work.

Apart, since tests of several packages bound the time of a parser: as a
multiple of the fixed work, measured in the same run, the bound holds on any
machine, however busy it is.
"""

import time
from collections.abc import Callable

TRIES = 5


def least_seconds(call: Callable[[], object], tries: int = TRIES) -> float:
    """Return the least processor time of this thread that a call takes."""
    best = float("inf")
    for _ in range(tries):
        began = time.thread_time()
        call()
        best = min(best, time.thread_time() - began)
    return best


def work_unit_seconds() -> float:
    """Return the time of a fixed piece of Python, about half a millisecond.

    It shows how fast the machine is at this moment.
    """
    return least_seconds(_work_unit)


def _work_unit() -> int:
    total = 0
    for number in range(8000):
        total += number * number
    return total
