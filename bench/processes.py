"""What a server costs, its children included, as Linux counts it."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor time so far, of the process and all below it."""
    ticks = 0
    for each in tree(pid):
        # The name, in brackets, may hold anything; fields count from after.
        stat = Path(f"/proc/{each}/stat").read_text("utf-8")
        fields = stat.rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def anonymous_bytes(pid: int) -> int:
    """Memory that is backed by no file."""
    return sum(
        int(line.split()[1]) * 1024
        for each in tree(pid)
        for line in Path(f"/proc/{each}/status").read_text("utf-8").split("\n")
        if line.startswith("RssAnon")
    )


def tree(pid: int) -> Iterator[int]:
    """The process and its children, and theirs."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text("utf-8").split():
            yield from tree(int(child))
