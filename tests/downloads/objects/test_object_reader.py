# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reading of objects: no further ahead than the client receives."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from msrv.downloads.body import Chunk, FileSlice
from msrv.downloads.objects import object_reader
from msrv.downloads.objects.object_reader import ObjectReader, Unavailable
from msrv.storage.model import Changed, Content, FileIdentity
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketUnavailable

DATA = bytes(range(250)) * 400
CHUNK = 1000
CONTENT = Content("a", FileIdentity(len(DATA), 0, 0, 0), b"s" * 32, 0, "a/b")


class ScriptedBucket(Bucket):
    """Bucket of one object, each of whose responses has a limit of chunks."""

    def __init__(self, *limits: int, extra: bytes = b"") -> None:
        self._limits = list(limits)
        self._extra = extra
        self.chunks = 0
        self.requests: list[tuple[int, int]] = []

    async def stream(
        self, key: str, start: int, stop: int, size_bytes: int
    ) -> AsyncIterator[bytes]:
        assert (key, size_bytes) == ("key", len(DATA))
        self.requests.append((start, stop))
        limit = self._limits.pop(0) if self._limits else 1_000_000
        for at in range(start, stop, CHUNK):
            if not limit:
                raise BucketUnavailable("it has ended")
            limit -= 1
            self.chunks += 1
            yield DATA[at : min(at + CHUNK, stop)] + self._extra


def reader_of(bucket: Bucket) -> ObjectReader:
    return ObjectReader(bucket, lambda _: "key")


async def test_nothing_is_received_before_it_is_wanted() -> None:
    bucket = ScriptedBucket()
    wanted = FileSlice(CONTENT, 100, 50_100)
    file = await reader_of(bucket).open_slice(wanted)
    assert bucket.chunks == 0
    buffer = memoryview(bytearray(400))
    for number in range(10):
        assert await file.read_into(buffer, 0) == (
            200 if number % 3 == 2 else 400
        )
        assert bucket.chunks == number // 3 + 1
    assert bucket.requests == [(100, 50_100)]


async def test_a_slice_continues_where_a_response_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_reader, "_FIRST_PAUSE_SECONDS", 0.0)
    bucket = ScriptedBucket(3, 0, 0, 2, 0, 0, 0, 1)
    wanted = FileSlice(CONTENT, 7, 90_007)
    assert await reader_of(bucket).read_all([b"<", wanted, b">"]) == (
        b"<" + DATA[7:90_007] + b">"
    )
    assert bucket.requests[:2] == [(7, 90_007), (3007, 90_007)]


async def test_a_bucket_that_sends_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_reader, "_FIRST_PAUSE_SECONDS", 0.0)
    wanted = FileSlice(CONTENT, 0, len(DATA))
    bucket = ScriptedBucket(*[0] * 99)
    with pytest.raises(Unavailable):
        await reader_of(bucket).check([wanted])
    assert len(bucket.requests) == object_reader.TRIES

    class Silent(ScriptedBucket):
        async def stream(
            self, key: str, start: int, stop: int, size_bytes: int
        ) -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            async for chunk in super().stream(key, start, stop, size_bytes):
                yield chunk

    monkeypatch.setattr(object_reader, "WAIT_SECONDS", 0.01)
    with pytest.raises(Unavailable):
        await reader_of(Silent()).check([wanted])


async def test_a_slice_is_read_as_often_as_it_occurs() -> None:
    wanted = FileSlice(CONTENT, 100, 5100)
    bucket = ScriptedBucket()
    reader = reader_of(bucket)
    chunks: list[Chunk] = [b"<", wanted, b"|", wanted, b">"]
    await reader.check(chunks)
    assert bucket.requests == [(100, 5100)]
    data = DATA[100:5100]
    assert await reader.read_all(chunks) == b"<" + data + b"|" + data + b">"
    assert bucket.requests == [(100, 5100)] * 2


async def test_more_bytes_than_were_wanted_are_never_sent() -> None:
    wanted = FileSlice(CONTENT, 0, 1000)
    with pytest.raises(Changed):
        await reader_of(ScriptedBucket(extra=b"!")).read_all([wanted])
