# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A library that was published to a bucket of Ceph, and stores on it."""

import hashlib
import random
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from msrv import settings as settings_room
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import make_link
from msrv.proofs.orders import new_order_id
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket
from tests.conftest import NONCE, Client, Clock, StartStore
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import FaultyProxy
from tests.storage.objects.publishing import publish

LARGE = b"%%PDF-1.4 %b %%%%EOF" % random.Random(1).randbytes(12_000_000)  # noqa: S311 - any bytes
LARGE_SHA256 = hashlib.sha256(LARGE).digest()

Link = Callable[[str], str]
"""Returns the path of a download link of an item."""


@pytest.fixture(scope="module")
def published(
    ceph: CephServer,
    pristine_library: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    """Bucket of a library with two catalogs, and the folder it is of."""
    folder = tmp_path_factory.mktemp("published")
    library = Path(shutil.copytree(pristine_library, folder / "library"))
    target = f"{ceph.create_bucket('stores')}/library"

    for _ in range(2):
        publish(ceph, target, library, folder / "data", NONCE)
        (library / "Zine" / "zine.pdf").write_bytes(LARGE)
    return target, library


@pytest.fixture
async def proxy(
    ceph: CephServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(ceph.port) as proxy:
        for name, value in ceph.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


@pytest.fixture
async def replicas(
    start_store: StartStore,
    remote: Settings,
    proxy: FaultyProxy,  # noqa: ARG001 - its variables come first
) -> list[Client]:
    """Two stores on the bucket, behind nginx."""
    settings = settings_room.load(
        {
            "MSRV_LIBRARY": str(remote.bucket),
            "MSRV_DATA": str(remote.data),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_TLS": "off",
            "MSRV_DELIVERY": "accel",
            "MSRV_TRUSTED_PROXIES": "127.0.0.0/8",
        }
    )
    other = settings.data.with_name("other")
    return [
        await start_store(settings),
        await start_store(settings.model_copy(update={"data": other})),
    ]


@pytest.fixture
def bucket_url(proxy: FaultyProxy, published: tuple[str, Path]) -> str:
    """What addresses of the library's files start with."""
    return f"{proxy.endpoint}/{published[0].removeprefix('s3://')}"


@pytest.fixture
def bucket(
    ceph: CephServer,
    published: tuple[str, Path],
    proxy: FaultyProxy,  # noqa: ARG001 - its variables come first
    monkeypatch: pytest.MonkeyPatch,
) -> Bucket:
    """The bucket itself, past the proxy."""
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", ceph.endpoint)
        return Bucket.open(published[0])


@pytest.fixture
def remote(published: tuple[str, Path], tmp_path: Path) -> Settings:
    """Settings of a store on the bucket."""
    return settings_room.load(
        {
            "MSRV_LIBRARY": published[0],
            "MSRV_DATA": str(tmp_path / "remote"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_TLS": "off",
        }
    )


@pytest.fixture
def link(keyring: Keyring, clock: Clock) -> Link:
    """Links of one order, which is never in a ledger."""

    def make(item_id: str) -> str:
        order_id = new_order_id(lambda count: b"o" * count)
        return make_link(keyring, order_id, item_id, clock.now + 3600).path

    return make
