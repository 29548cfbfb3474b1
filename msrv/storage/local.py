"""A library in a folder of this machine, which is only ever read."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from msrv.storage.model import Changed, Content, Gone


class Folder:
    """The library at `root`. Satisfies Storage."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def open(self, content: Content) -> BinaryIO:
        """Open a file as the catalog knows it; see Storage.open.

        What was opened is what is checked (`fstat`), so a file replaced
        between the two can't slip through. A symbolic link may lead anywhere
        inside the library and nowhere else.
        """
        _, descriptor = self._open(content)
        return os.fdopen(descriptor, "rb", buffering=0)

    def locate(self, content: Content) -> bytes:
        """Give a file's path below the root, links resolved; see Shelf.

        It was there a moment ago, as the catalog knows it, and could be read.
        Raises Gone or Changed.
        """
        real, descriptor = self._open(content)
        os.close(descriptor)
        return os.fsencode(real.relative_to(self.root))

    def _open(self, content: Content) -> tuple[Path, int]:
        """Open a file: its real path, and its descriptor."""
        path = self.root / content.path
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.root):
                raise Gone(content.path)
            # The path that was checked, and no link put in its place since.
            # NONBLOCK: a FIFO put there must not hang a thread.
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
            descriptor = os.open(real, flags)
        except (OSError, RuntimeError) as error:
            # RuntimeError: links in a circle, before Python 3.13.
            raise Gone(content.path) from error
        try:
            _check(os.fstat(descriptor), content)
        except BaseException:
            os.close(descriptor)
            raise
        return real, descriptor


def _check(status: os.stat_result, content: Content) -> None:
    """See that this is the file that was hashed. Raises Gone or Changed."""
    if not stat.S_ISREG(status.st_mode):
        raise Gone(content.path)
    if (status.st_size, status.st_mtime_ns) != (
        content.size_bytes,
        content.mtime_ns,
    ):
        raise Changed(content.path)
