"""Folders and files of the store's own, for its own user alone.

Apart because each room that keeps something on the disk needs it, and none
of them may import another.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can open, with its parents.

    One that is there, and ours, is closed to everyone else; one that is
    somebody else's stays as it is. Raises OSError where it can't be created.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
        # A file system without modes, or mounted read-only, refuses this.
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
