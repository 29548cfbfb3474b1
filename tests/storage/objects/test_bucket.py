# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The client of a bucket, against Ceph's S3 server."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from msrv.storage.objects import bucket as bucket_client
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import (
    BucketDenied,
    BucketError,
    BucketUnavailable,
    ObjectChanged,
    ObjectMissing,
)
from tests.storage.objects.ceph_server import CephServer

TYPE = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def address(ceph: CephServer) -> str:
    return ceph.create_bucket("client")


@pytest.fixture
def bucket(
    ceph: CephServer, address: str, monkeypatch: pytest.MonkeyPatch
) -> Bucket:
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    return Bucket.open(f"{address}/some/prefix")


async def test_an_object_is_created_once_and_replaced_by_its_tag(
    bucket: Bucket,
) -> None:
    assert await bucket.create("a", b"first", TYPE)
    assert not await bucket.create("a", b"second", TYPE)
    found = await bucket.read("a")
    assert found is not None
    assert found.data == b"first"
    assert await bucket.read("a", unless=found.etag) is None
    await bucket.replace("a", b"third", found.etag)
    with pytest.raises(ObjectChanged):
        await bucket.replace("a", b"fourth", found.etag)
    with pytest.raises(ObjectChanged):
        await bucket.replace("a", b"fourth", None)
    # A request that was sent twice, since its response was lost.
    await bucket.replace("a", b"third", found.etag)
    now = await bucket.read("a")
    assert now is not None
    assert now.data == b"third"
    with pytest.raises(ObjectMissing):
        await bucket.read("b")


async def test_of_racing_writers_exactly_one_succeeds(bucket: Bucket) -> None:
    await bucket.replace("race", b"0", None)
    found = await bucket.read("race")
    assert found is not None
    results = await asyncio.gather(
        *(
            bucket.replace("race", b"%d" % number, found.etag)
            for number in range(1, 6)
        ),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert sum(isinstance(each, ObjectChanged) for each in results) == 4


async def test_a_failed_upload_leaves_nothing(bucket: Bucket) -> None:
    def parts(count: int) -> Iterator[bytes]:
        for number in range(count):
            yield bytes([number]) * 1_000_000
        if count < 20:
            raise ValueError("the file has changed")

    with pytest.raises(BucketUnavailable, match="the file has changed"):
        await bucket.upload("big", parts(12), TYPE)
    with pytest.raises(ObjectMissing):
        await bucket.read("big")
    await bucket.upload("big", parts(20), TYPE)
    read = b""
    async for chunk in bucket.stream("big", 999_990, 9_000_010, 20_000_000):
        # The HTTP client's buffer, however much of it was filled meanwhile.
        assert len(chunk) < 1_000_000
        read += chunk
    assert read == b"".join(parts(20))[999_990:9_000_010]
    with pytest.raises(ObjectChanged):
        async for _ in bucket.stream("big", 0, 1, 19_999_999):
            pass
    listed = {each.key: each.size_bytes async for each in bucket.list("")}
    assert listed["big"] == 20_000_000
    await bucket.delete(["big", "never-there"])
    with pytest.raises(ObjectMissing):
        await bucket.read("big")


async def test_errors_say_what_is_wrong(
    ceph: CephServer,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = dict(ceph.environ)
    key = environ.pop("AWS_ACCESS_KEY_ID")
    secret = environ.pop("AWS_SECRET_ACCESS_KEY")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    profiles = tmp_path / "credentials"
    profiles.write_text(
        "[other]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n"
        f"[default]\naws_access_key_id = {key}\n"
        f"aws_secret_access_key = {secret}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    with pytest.raises(ObjectMissing):
        await Bucket.open(address).read("nothing")
    monkeypatch.setenv("AWS_PROFILE", "other")
    with pytest.raises(BucketDenied, match="denies access"):
        await Bucket.open(address).read("nothing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = Bucket.open(address)
    with pytest.raises(BucketUnavailable, match="Error performing GET") as one:
        await away.read("nothing")
    # The same error is the same text, so that it's logged once.
    with pytest.raises(BucketUnavailable) as another:
        await away.read("nothing")
    assert str(one.value) == str(another.value)
    for wrong in ("https://example.org/x", "/srv/library", "file:///srv"):
        with pytest.raises(BucketError, match="isn't the address"):
            Bucket.open(wrong)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file"),
        ("[other]\naws_access_key_id = a\n", r"no profile \[default\]"),
        ("[default]\naws_access_key_id = a\n", "lacks aws_access_key_id or"),
        ("hunter2", "isn't a file of AWS's credentials"),
    ],
)
def test_credentials_that_are_named_and_unusable_are_an_error(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    """Else they would be those of the machine, or none."""
    file = tmp_path / "credentials"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    environ = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    with pytest.raises(BucketError, match=problem) as refused:
        Bucket.open("s3://bucket", environ)
    assert str(file) in str(refused.value)
    assert "hunter2" not in str(refused.value)
    home = {"AWS_PROFILE": "a-profile-that-nobody-has"}
    with pytest.raises(BucketError, match="credentials"):
        Bucket.open("s3://bucket", home)


async def test_an_upload_may_take_longer_than_a_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As from an ordinary uplink: the time includes sending the bytes."""
    data = bytes(4_000_000)
    received = 0
    requests = 0

    async def respond(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal received, requests
        requests += 1
        received = 0
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"PUT"):
            while received < len(data):
                received += len(await reader.read(500_000))
                await asyncio.sleep(0.05)
            writer.write(
                b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n'
                b"Connection: close\r\n\r\n"
            )
        else:
            await reader.read()  # until the other side leaves
        writer.close()

    monkeypatch.setattr(bucket_client, "_READ_SECONDS", 0.2)
    monkeypatch.setattr(bucket_client, "_RETRY_SECONDS", 0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = await asyncio.start_server(respond, "127.0.0.1", 0, limit=100_000)
    async with server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        slow = Bucket.open("s3://slow")
        assert await slow.create("part", data, TYPE)
        assert (received, requests) == (len(data), 1)
        # A bucket that is silent doesn't make a buyer wait for as long.
        with pytest.raises(BucketUnavailable):
            async with asyncio.timeout(10):
                await slow.read("part")


async def test_silent_bucket_holds_up_no_other_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asked for a tag or an address, and left."""
    leaves = asyncio.Event()
    monkeypatch.setattr(bucket_client, "_RETRY_SECONDS", 0)
    monkeypatch.setattr(bucket_client, "_BUYER_SECONDS", 0.2)

    async def be_silent(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await leaves.wait()
        writer.transport.abort()

    async with aws_server(be_silent, monkeypatch) as bucket:
        reads = [asyncio.create_task(bucket.read("a")) for _ in range(8)]
        tags = [asyncio.create_task(bucket.tag("blob")) for _ in range(40)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1.5):
            await asyncio.to_thread(lambda: None)
            for tag in tags:
                with pytest.raises(BucketUnavailable, match="respond"):
                    await tag
        leaves.set()
        for read in reads:
            with pytest.raises(BucketUnavailable):
                await read


async def test_service_without_conditional_writes_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As some services with S3's API are."""

    async def refuse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<Error><Code>NotImplemented</Code></Error>"
        writer.write(
            b"HTTP/1.1 501 Not Implemented\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    async with aws_server(refuse, monkeypatch) as bucket:
        with pytest.raises(BucketUnavailable, match="conditional writes"):
            await bucket.create("blob", b"data", TYPE)
        with pytest.raises(BucketUnavailable, match="conditional writes"):
            await bucket.replace("current", b"data", '"1"')


@asynccontextmanager
async def aws_server(
    respond: Callable[
        [asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
    ],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Bucket]:
    """Run a server that says it is S3; yield a bucket of it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield Bucket.open("s3://bucket")
