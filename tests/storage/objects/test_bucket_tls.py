# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A bucket that is reached by TLS, as every real one is."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import obstore
import pytest
import trustme

from msrv.storage.objects.bucket import STREAM_BYTES, Bucket
from msrv.storage.objects.errors import BucketUnavailable
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import Fault, FaultyProxy

DATA = bytes(range(250)) * 12_000


@pytest.fixture(scope="module")
def address(ceph: CephServer) -> str:
    """Address of a bucket with an object."""
    address = ceph.create_bucket("encrypted")
    obstore.put(ceph.open_bucket("encrypted"), "large", DATA)
    return address


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["127.0.0.1"])
async def proxy(
    ceph: CephServer,
    authority: trustme.CA,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[FaultyProxy]:
    """Proxy with a certificate of an authority, for one name."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(request.param).configure_cert(tls)
    async with FaultyProxy(ceph.port, tls=tls) as proxy:
        for name, value in ceph.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust the authority, as a machine's own certificates are trusted."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.mark.usefixtures("trusted")
async def test_objects_are_read_in_whole_chunks(
    proxy: FaultyProxy, address: str
) -> None:
    bucket = Bucket.open(address)
    found = await bucket.read("large")
    assert found is not None
    assert found.data == DATA
    chunks: list[bytes] = []

    async def receive() -> None:
        chunks.clear()
        stream = bucket.stream("large", 1000, 2_000_000, len(DATA))
        async for chunk in stream:
            chunks.append(chunk)  # noqa: PERF401 - kept where it fails

    await receive()
    assert b"".join(chunks) == DATA[1000:2_000_000]
    assert all(len(each) >= STREAM_BYTES for each in chunks[:-1])
    assert (await bucket.presigned("large", 60)).startswith("https://")
    proxy.always = Fault(cut_after=600_000, ending="reset")
    with pytest.raises(BucketUnavailable):
        await receive()
    # obstore has tried again, from where the response was cut.
    assert DATA[1000:2_000_000].startswith(b"".join(chunks))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("proxy", ["other.example"], indirect=True)
async def test_certificate_of_another_name_is_refused(
    proxy: FaultyProxy, address: str
) -> None:
    with pytest.raises(BucketUnavailable):
        await Bucket.open(address).read("large")
    assert proxy.requests == 0


async def test_certificate_of_an_unknown_authority_is_refused(
    proxy: FaultyProxy, address: str
) -> None:
    with pytest.raises(BucketUnavailable):
        await Bucket.open(address).read("large")
    assert proxy.requests == 0
