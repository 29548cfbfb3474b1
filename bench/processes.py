# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CPU time and memory of a process and its children, from /proc."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time so far, of a process and its descendants."""
    ticks = 0
    for each in tree(pid):
        # The name, in brackets, may contain anything; fields follow it.
        stat = Path(f"/proc/{each}/stat").read_text("utf-8")
        fields = stat.rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def own_cpu_seconds(pid: int) -> float:
    """Return the CPU time so far of a process, without its descendants."""
    stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / _TICKS


def anonymous_bytes(pid: int) -> int:
    """Return the memory that is not backed by a file."""
    return sum(
        int(line.split()[1]) * 1024
        for each in tree(pid)
        for line in Path(f"/proc/{each}/status").read_text("utf-8").split("\n")
        if line.startswith("RssAnon")
    )


def resident_bytes(pid: int) -> int:
    """Return the memory of a process, without its descendants."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    (line,) = (each for each in status.split("\n") if each[:6] == "VmRSS:")
    return int(line.split()[1]) * 1024


def tree(pid: int) -> Iterator[int]:
    """Return a process and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text("utf-8").split():
            yield from tree(int(child))


def wait_until_idle(pid: int) -> None:
    """Wait until a process has taken little processor time for a while."""
    spent = -1.0
    while cpu_seconds(pid) - spent > 0.1:
        spent = cpu_seconds(pid)
        time.sleep(4)
