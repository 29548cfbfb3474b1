# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Private folders, atomic and durable writes, folder locks, secrets in files.

Every package that saves state on disk writes it through this module, so that
durability is decided in one place. All functions block, so they run in a
thread where there is an event loop, and raise OSError unless they say
otherwise.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import Final

from msrv.display_text import reason_of

LOCK_NAME: Final = "lock"
SECRET_BYTES: Final = 1 << 16
"""Size that no secret exceeds; a longer file is another one, or a device."""
_SPARED_BYTES: Final = 1 << 30
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class UnreadableSecret(Exception):
    """A file has no secret that can be used; the text is the reason."""


def read_secret(path: Path) -> str:
    """Return the secret in a file, without the line ends after it.

    Raises UnreadableSecret.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SECRET_BYTES + 1)
        secret = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # Not chained: that error has the bytes.
        raise UnreadableSecret("it is not text in UTF-8") from None
    except OSError as error:
        raise UnreadableSecret(reason_of(error)) from error
    if len(data) > SECRET_BYTES:
        raise UnreadableSecret(f"it is longer than {SECRET_BYTES:,} bytes")
    if not secret.strip():
        raise UnreadableSecret("it is empty")
    return secret


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can open, and its parents.

    An existing folder of this user is closed to all others; one of another
    user stays as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
        # A file system without modes, or mounted read-only, refuses this.
        with contextlib.suppress(OSError):
            folder.chmod(0o700)


def write_file(
    path: Path,
    data: bytes | bytearray,
    *,
    mode: int = 0o600,
    overwrite: bool = True,
    durable_name: bool = True,
) -> bool:
    """Write a file atomically: readers see all of it, or the file before.

    The data is synced before the file is named, so that a power cut never
    leaves a truncated file. The folder has to exist. Returns whether the file
    was written, which is False only without `overwrite`.

    `mode` applies from the first byte, so that a key is never readable by
    others. Without `overwrite`, an existing file stays, and of two processes
    at once only one succeeds. With `durable_name`, the name is synced too
    before this returns. A cache, or a copy of data in the database, does
    without: a lost name costs less than the folder's fsync.
    """
    # In the same folder, since a rename works within one file system only,
    # and hidden, since readers of a folder skip hidden files.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            draft.replace(path)
        else:
            try:
                # Fails where another process was quicker; a rename wouldn't.
                os.link(draft, path)
            except FileExistsError:
                return False
    finally:
        # A failure to remove the draft must not hide the original error.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    if durable_name:
        sync_folder(path.parent)
    return True


def refuse_almost_full(folder: Path) -> None:
    """Raise OSError if a cache in a folder would fill up its disk.

    A tenth of it stays free, one gibibyte at most: sales are on it, too.
    """
    disk = shutil.disk_usage(folder)
    if disk.free < min(disk.total // 10, _SPARED_BYTES):
        raise OSError(errno.ENOSPC, "the disk is almost full")


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on disk: files added and removed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_to_owner(folder: Path, *paths: Path) -> None:
    """Change the owner of what root wrote to the owner of a folder.

    A store that runs as that user couldn't read it. Does nothing for any
    other user. Raises OSError.
    """
    if os.geteuid():
        return
    owner = folder.stat()
    for path in paths:
        if not path.lstat().st_uid:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def lock_folder(folder: Path, *, shared: bool = False) -> int | None:
    """Return the descriptor of a folder's lock, None if it is locked already.

    Several processes can hold a `shared` lock, and only while none holds one
    that isn't. Closing the descriptor releases the lock, and so does the
    kernel however the process ends, `kill -9` included.
    """
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
