# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Verification of files whose status has changed, by hashing them again.

A `chmod`, a hard link, a `touch` and a restored backup change a file's status
but not its bytes; tag editors change the bytes and restore the date. Only the
bytes tell these apart, so they are hashed before more is sent: once for each
new status, however many buyers wait, and a few files at a time.
"""

import asyncio
import hashlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from msrv.storage.model import (
    Changed,
    Content,
    FileIdentity,
    Gone,
    Storage,
    Unverified,
)

_AT_ONCE: Final = 2
"""Limit, since each occupies one of the store's few reader threads."""
_REMEMBERED: Final = 4096
_BLOCK_BYTES: Final = 1 << 20

_Result = TypeVar("_Result")


class ContentVerifier:
    """Hashing of files on demand, and the results for recent identities."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[Content, FileIdentity], bool] = (
            OrderedDict()
        )
        self._running: dict[Content, asyncio.Task[None]] = {}
        self._semaphore = asyncio.Semaphore(_AT_ONCE)
        self._stopping = threading.Event()

    def result_for(
        self, content: Content, identity: FileIdentity
    ) -> bool | None:
        """Return whether a file of this identity is `content`, if known."""
        return self._found.get((content, identity))

    async def verify(
        self,
        content: Content,
        open_descriptor: Callable[[], int],
        descriptor: int | None = None,
    ) -> None:
        """Verify the descriptor's file, or else that of `open_descriptor`.

        `open_descriptor` is called in a thread and may raise Gone. A file is
        hashed once for all waiting callers, and to its end even if they are
        cancelled. After waiting for another caller's hashing this returns
        without a result: see `result_for`, and call again. Raises Gone and
        Changed.
        """
        task = self._running.get(content)
        if task is not None:
            await asyncio.wait((task,))
            return
        if descriptor is not None:
            # The caller may close its own before it is read.
            own = os.dup(descriptor)
            task = asyncio.create_task(self._hash(content, lambda: own))
        else:
            task = asyncio.create_task(self._hash(content, open_descriptor))
        self._running[content] = task
        task.add_done_callback(lambda done: self._finish(content, done))
        await asyncio.wait((task,))
        task.result()

    async def aclose(self) -> None:
        """Stop all hashing, and wait until it has stopped."""
        self._stopping.set()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _finish(self, content: Content, task: "asyncio.Task[None]") -> None:
        del self._running[content]
        # Retrieve the error, or asyncio would log it as never retrieved.
        if not task.cancelled():
            task.exception()

    async def _hash(
        self, content: Content, open_descriptor: Callable[[], int]
    ) -> None:
        async with self._semaphore:
            identity, is_same = await asyncio.to_thread(
                _hash_content, content, open_descriptor, self._stopping.is_set
            )
        self._found[content, identity] = is_same
        if len(self._found) > _REMEMBERED:
            self._found.popitem(last=False)
        if not is_same:
            raise Changed(content.path)


async def verified(
    storage: Storage, call: Callable[[], Awaitable[_Result]]
) -> _Result:
    """Await a call; if it raises Unverified, verify and call again.

    Raises the call's other errors, and Gone and Changed.
    """
    while True:
        try:
            return await call()
        except Unverified as error:
            await storage.verify(error.content)


def _hash_content(
    content: Content,
    open_descriptor: Callable[[], int],
    is_stopping: Callable[[], bool],
) -> tuple[FileIdentity, bool]:
    """Return the identity of the hashed file, and whether it is `content`.

    Blocks. Raises Gone, and Changed if it changes meanwhile.
    """
    try:
        descriptor = open_descriptor()
        try:
            status = os.fstat(descriptor)
            identity = FileIdentity.of(status)
            if not stat.S_ISREG(status.st_mode):
                raise Gone(content.path)
            if status.st_size != content.size_bytes:
                return identity, False
            sha256 = _sha256(descriptor, is_stopping)
            if FileIdentity.of(os.fstat(descriptor)) != identity:
                raise Changed(content.path)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Gone(content.path) from error
    return identity, sha256 == content.sha256


def _sha256(descriptor: int, is_stopping: Callable[[], bool]) -> bytes:
    """Return the hash of a whole file by its descriptor. Raises OSError."""
    sha256, at = hashlib.sha256(), 0
    while block := os.pread(descriptor, _BLOCK_BYTES, at):
        if is_stopping():
            raise InterruptedError("the store is stopping")
        sha256.update(block)
        at += len(block)
    return sha256.digest()
