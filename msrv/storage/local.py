# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Storage in a folder of this machine, which is only read."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from msrv.storage.model import Changed, Content, FileIdentity, Gone, Unverified
from msrv.storage.verification import ContentVerifier


class LocalStorage:
    """Storage of a library in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._verification = ContentVerifier()

    def open(self, content: Content) -> BinaryIO:
        """Open a file as the catalog knows it; see Storage.open.

        The opened file itself is checked (`fstat`), so that none can be
        replaced in between. A symbolic link may lead anywhere inside the
        library and nowhere else.
        """
        _, descriptor = self._open_verified(content)
        return os.fdopen(descriptor, "rb", buffering=0)

    def open_unverified(self, content: Content) -> BinaryIO:
        """Open a file of the right size, whose bytes the caller verifies.

        Blocks. Raises Gone and Changed.
        """
        _, descriptor = self._open(content)
        try:
            self.is_verified(descriptor, content)
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb", buffering=0)

    def locate(self, content: Content) -> bytes:
        """Return a file's path below the root, links resolved.

        It was there a moment ago, as the catalog knows it, and could be read.
        Raises Gone, Changed and Unverified.
        """
        real, descriptor = self._open_verified(content)
        os.close(descriptor)
        return os.fsencode(real.relative_to(self.root))

    def is_verified(self, descriptor: int, content: Content) -> bool:
        """Return whether an open file is what was hashed; see Storage."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Gone(content.path)
        if status.st_size != content.size_bytes:
            raise Changed(content.path)
        identity = FileIdentity.of(status)
        if content.identity.is_same(identity):
            return True
        result_for = self._verification.result_for(content, identity)
        if result_for is False:
            raise Changed(content.path)
        return result_for is True

    async def verify(
        self, content: Content, descriptor: int | None = None
    ) -> None:
        """Verify a file by hashing it again; see Storage."""
        await self._verification.verify(
            content, lambda: self._open(content)[1], descriptor
        )

    async def aclose(self) -> None:
        """Stop hashing, as the store stops."""
        await self._verification.aclose()

    def _open_verified(self, content: Content) -> tuple[Path, int]:
        """Open a file that is what was hashed. Raises like Storage.open."""
        real, descriptor = self._open(content)
        try:
            if not self.is_verified(descriptor, content):
                raise Unverified(content)
        except BaseException:
            os.close(descriptor)
            raise
        return real, descriptor

    def _open(self, content: Content) -> tuple[Path, int]:
        """Open a file; return its real path and descriptor."""
        path = self.root / content.path
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.root):
                raise Gone(content.path)
            # NOFOLLOW: the path that was checked, not a link created since.
            # NONBLOCK: a FIFO there must not hang a thread.
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
            return real, os.open(real, flags)
        except (OSError, RuntimeError) as error:
            # RuntimeError: circular links, before Python 3.13.
            raise Gone(content.path) from error
