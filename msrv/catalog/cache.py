"""Keeping what can be made again, so that it needn't be."""

import os
import tempfile
from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Write a copy so that nobody ever reads half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            # Or a machine that loses power may find the name without it.
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
