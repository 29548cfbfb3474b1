# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Storage of all that is sent: the library, and the encodings made of it.

A ZIP may have files of both. Apart from `local`, which is one folder.
"""

from typing import BinaryIO

from msrv.storage.model import Content, Storage


class CombinedStorage:
    """Two storages as one: each content is in one of them.

    Implements Storage. Both are closed by their owners.
    """

    def __init__(self, library: Storage, encodings: Storage) -> None:
        self._library = library
        self._encodings = encodings

    def open(self, content: Content) -> BinaryIO:
        """Open a file; see Storage."""
        return self._of(content).open(content)

    def is_verified(self, descriptor: int, content: Content) -> bool:
        """Return whether an open file is what was hashed; see Storage."""
        return self._of(content).is_verified(descriptor, content)

    async def verify(
        self, content: Content, descriptor: int | None = None
    ) -> None:
        """Verify a file by hashing it again; see Storage."""
        await self._of(content).verify(content, descriptor)

    def _of(self, content: Content) -> Storage:
        return self._encodings if content.is_encoded else self._library
