"""Whose folder is it? One lock a folder, which ends with its process.

The kernel lets go of it however the process ends, `kill -9` included.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "lock"


def lock(folder: Path) -> int | None:
    """Take a folder's lock: what to close to let go; None if another has it.

    Raises OSError where the folder can't be used, or is gone.
    """
    held = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    except OSError:
        os.close(held)
        raise
    return held
