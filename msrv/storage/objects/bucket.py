# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client of a bucket: objects below a prefix, by obstore.

The only module that imports obstore, whose errors are translated to our own.
Its credentials are those of the vendor's own tools: environment variables,
the file of AWS's profiles, or the role of the machine.
"""

import asyncio
import contextlib
import os
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from msrv.storage.objects.credentials import allows_http, aws_profile
from msrv.storage.objects.errors import (
    BucketError,
    BucketUnavailable,
    ObjectChanged,
)
from msrv.storage.objects.obstore_errors import translated

if TYPE_CHECKING:
    from obstore import GetOptions, PutMode
    from obstore.store import AzureStore, GCSStore, S3Store

    Store = AzureStore | GCSStore | S3Store

_Result = TypeVar("_Result")

SCHEMES: Final = ("s3://", "gs://", "az://")
"""Starts of addresses of buckets: S3, Google Cloud Storage, Azure."""
STREAM_BYTES: Final = 256 * 1024
"""Bytes that a stream collects before it yields them.

By TLS they arrive in records of 16 KB, and each handover to this thread costs:
a quarter of it takes twice the CPU time. More is memory of each slow client.
"""
SINGLE_BYTES: Final = 8 * 1024 * 1024
"""Limit of an upload in one request, which is conditional."""
MAX_DOCUMENT_BYTES: Final = 1 << 30
_READ_SECONDS: Final = 15
"""Time to wait for the next bytes of a response."""
_WRITE_SECONDS: Final = 900
"""Time to wait for the response to an upload, which includes sending it.

`publish` sends 16 parts at the same time, so 1.2 Mbit/s are enough.
"""
_CONNECT_SECONDS: Final = 5
_REQUEST_SECONDS: Final = 24 * 3600
"""Limit of a whole response: a slow buyer takes as long as the download."""
_BUYER_SECONDS: Final = 5
"""Time that a buyer's request waits for a tag or an address."""
_THREADS: Final = 8
_RETRIES: Final = 4
_RETRY_SECONDS: Final = 20
_LIST_CHUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object that was read whole, and the bucket's own tag of it."""

    data: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Entry of a listing; `key` is relative to the bucket's prefix."""

    key: str
    size_bytes: int
    modified_at: datetime


class Bucket:
    """Objects below the prefix of a bucket.

    Each key is relative to the prefix. All methods raise BucketError.

    Only `stream` uses obstore's own tasks; the others run in a thread, since
    a task that has just failed makes an interpreter crash that ends then. A
    bucket that is silent holds up these threads, and no other.
    """

    def __init__(self, url: str, store: "Store", writing: "Store") -> None:
        self.url = url
        self._store = store
        self._writing = writing
        self._threads = ThreadPoolExecutor(_THREADS, "msrv-bucket")

    async def _in_thread(
        self, function: Callable[[], _Result], seconds: float | None = None
    ) -> _Result:
        """Call a function. Raises BucketUnavailable if it takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._threads, function)
        except TimeoutError:
            raise BucketUnavailable("the bucket doesn't respond") from None

    @classmethod
    def open(cls, url: str, environ: Mapping[str, str] | None = None) -> Self:
        """Return the bucket of an address like `s3://bucket/prefix`.

        Nothing is requested yet. Raises BucketError for an address or
        credentials that can't be used at all.
        """
        from obstore.store import (
            HTTPStore,
            LocalStore,
            MemoryStore,
            from_url,
        )

        if not url.startswith(SCHEMES):
            raise BucketError(
                f"{url} isn't the address of a bucket, like s3://bucket/prefix"
            )

        environ = os.environ if environ is None else environ
        options: dict[str, Any] = {}
        if url.startswith("s3:"):
            options["config"] = aws_profile(environ) or None

        def opened(response_seconds: int, retry_seconds: int) -> "Store":
            with translated(url):
                store = from_url(
                    url,
                    client_options={
                        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
                        "read_timeout": timedelta(seconds=response_seconds),
                        "timeout": timedelta(seconds=_REQUEST_SECONDS),
                        "allow_http": allows_http(environ),
                    },
                    retry_config={
                        "max_retries": _RETRIES,
                        "retry_timeout": timedelta(seconds=retry_seconds),
                    },
                    **options,
                )
            if isinstance(store, HTTPStore | LocalStore | MemoryStore):
                raise BucketError(f"{url} isn't the address of a bucket")
            return store

        return cls(
            url,
            opened(_READ_SECONDS, _RETRY_SECONDS),
            opened(_WRITE_SECONDS, _WRITE_SECONDS),
        )

    async def read(
        self, key: str, *, unless: str | None = None
    ) -> StoredObject | None:
        """Return an object; None if its tag is still `unless`.

        Raises ObjectMissing.
        """
        return await self._in_thread(
            lambda: self.read_blocking(key, unless=unless)
        )

    def read_blocking(
        self,
        key: str,
        *,
        unless: str | None = None,
        max_bytes: int = MAX_DOCUMENT_BYTES,
    ) -> StoredObject | None:
        """Return an object, as `read` does, in this thread.

        Raises BucketUnavailable for one of more than `max_bytes`.
        """
        import obstore
        from obstore.exceptions import NotModifiedError

        options: GetOptions = {"if_none_match": unless} if unless else {}
        with translated(key):
            try:
                found = obstore.get(self._store, key, options=options)
            except NotModifiedError:
                return None
            size_bytes = found.meta["size"]
            if size_bytes > max_bytes:
                raise BucketUnavailable(f"{key} has {size_bytes:,} bytes")
            data = bytes(found.bytes())
            if len(data) != size_bytes:
                raise BucketUnavailable(f"{key} was sent incomplete")
            return StoredObject(data, found.meta["e_tag"] or "")

    async def stream(
        self, key: str, start: int, stop: int, size_bytes: int
    ) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `stop` of an object of `size_bytes`.

        It may end early, without an error: the caller counts. Memory holds
        one chunk, and what the connection has received besides. Raises
        ObjectChanged where the object has another size.
        """
        import obstore

        with translated(key):
            found = await obstore.get_async(
                self._store, key, options={"range": (start, stop)}
            )
            if found.meta["size"] != size_bytes or found.range[0] != start:
                raise ObjectChanged(f"{key} isn't as it was published")
            async for chunk in found.stream(min_chunk_size=STREAM_BYTES):
                yield chunk

    async def create(
        self, key: str, data: bytes, attributes: Mapping[str, str]
    ) -> bool:
        """Write a small object; return False if there is one already."""
        from obstore.exceptions import AlreadyExistsError

        try:
            await self._write(key, data, attributes, mode="create")
        except AlreadyExistsError:
            return False
        return True

    async def upload(
        self, key: str, parts: Iterator[bytes], attributes: Mapping[str, str]
    ) -> None:
        """Write a large object in parts, which are read in a thread.

        It exists once all of it is there. An error that `parts` raise leaves
        nothing.
        """
        await self._write(key, parts, attributes)

    async def replace(self, key: str, data: bytes, etag: str | None) -> None:
        """Write an object whose tag is still `etag`, or a new one for None.

        Raises ObjectChanged where another process was first.
        """
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        type_ = {"Content-Type": "application/octet-stream"}
        modes: list[PutMode] = ["create"]
        if etag is not None:
            # Ceph 16 compares its tag, which has no quotes, as it is sent.
            tags = dict.fromkeys((etag, etag.strip('"')))
            modes = [{"e_tag": each} for each in tags]
        for mode in modes:
            with contextlib.suppress(AlreadyExistsError, PreconditionError):
                await self._write(key, data, type_, mode=mode)
                return
        # A request that was repeated, since its response was lost.
        found = await self.read(key)
        if found is None or found.data != data:
            raise ObjectChanged(key)

    async def _write(
        self,
        key: str,
        data: bytes | Iterator[bytes],
        attributes: Mapping[str, str],
        mode: "PutMode | None" = None,
    ) -> None:
        """Write an object: bytes in one request, an iterator's in parts."""
        import obstore

        def write() -> None:
            with translated(key):
                obstore.put(
                    self._writing,
                    key,
                    data,
                    attributes=dict(attributes),
                    mode=mode,
                    use_multipart=not isinstance(data, bytes),
                    chunk_size=SINGLE_BYTES,
                    max_concurrency=2,
                )

        await self._in_thread(write)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Yield all objects whose keys start with a folder's name."""
        import obstore

        listing = iter(
            obstore.list(self._store, prefix, chunk_size=_LIST_CHUNK)
        )

        def next_entries() -> list[ObjectInfo]:
            with translated(prefix):
                return [
                    ObjectInfo(
                        each["path"], each["size"], each["last_modified"]
                    )
                    for each in next(listing, ())
                ]

        while entries := await self._in_thread(next_entries):
            for each in entries:
                yield each

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are missing are deleted already."""
        import obstore

        def delete() -> None:
            with (
                translated("objects"),
                contextlib.suppress(FileNotFoundError),
            ):
                obstore.delete(self._store, keys)

        await self._in_thread(delete)

    async def tag(self, key: str) -> str:
        """Return the bucket's own tag of an object, in quotes.

        Raises ObjectMissing.
        """
        import obstore

        def request() -> str:
            with translated(key):
                return obstore.head(self._store, key)["e_tag"] or ""

        tag = await self._in_thread(request, _BUYER_SECONDS)
        return f'"{tag.strip(chr(34))}"'

    async def presigned(self, key: str, seconds: int) -> str:
        """Return an address of an object that anybody can read till then."""
        import obstore

        def sign() -> str:
            with translated(key):
                return obstore.sign(
                    self._store, "GET", key, timedelta(seconds=seconds)
                )

        return await self._in_thread(sign, _BUYER_SECONDS)
