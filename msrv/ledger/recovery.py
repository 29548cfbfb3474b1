"""What processes that are gone have left in the spool, taken over by one.

Several processes may share a data folder. Each writes to a folder of its own
and holds its lock; a folder whose lock is free belongs to nobody.
"""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.files import lock_folder
from msrv.ledger.segments import SUFFIX

log = logging.getLogger(__name__)

ASIDE: Final = "set-aside.log"
"""Lines that could not be posted, kept for a person to look at."""
_DRAFT_SECONDS: Final = 3600


@dataclass(slots=True, eq=False)
class Leftover:
    """The folder of a process that is gone; it is ours until `let_go`."""

    folder: Path
    held: int

    @property
    def paths(self) -> list[Path]:
        """Its segments, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def let_go(self, *, empty: bool) -> None:
        """Give it up; with `empty`, delete it, all of it being posted."""
        if empty:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.held)


def take_over(root: Path, own: Path | None) -> Iterator[Leftover]:
    """Take what nobody writes to any more. Does nothing without a root.

    Each one that is given has to be let go. Raises OSError.
    """
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        if folder == own or not folder.is_dir():
            continue
        if folder.name.startswith("."):
            _tidy(folder)
            continue
        # Another process may have been quicker, and have deleted it.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            held = lock_folder(folder)
            if held is not None:
                yield Leftover(folder, held)


def set_aside(root: Path, lines: bytes) -> None:
    """Keep lines that could not be posted. Raises OSError."""
    with (root / ASIDE).open("ab") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _tidy(draft: Path) -> None:
    """Remove a folder that was being made when its process was killed."""
    with contextlib.suppress(OSError):
        if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
            shutil.rmtree(draft, ignore_errors=True)
