# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A library that is published to a bucket behind a CDN, and stores on it."""

import hashlib
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from pydantic import SecretStr

from msrv import settings as settings_room
from msrv.downloads.objects.cdn_keys import month_key
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import make_link
from msrv.proofs.orders import new_order_id
from msrv.settings import Settings
from msrv.settings.cdn_types import Cdn, CdnKind
from msrv.storage.objects.bucket import Bucket
from tests.conftest import NONCE, Client, Clock, StartStore
from tests.downloads.objects import cdn_verifiers
from tests.storage.objects.ceph_server import CephServer
from tests.web.shop.published.cdn.cdn_stand_in import CdnStandIn

PDF = b"%%PDF-1.4 %b %%%%EOF" % random.Random(1).randbytes(2_000_000)  # noqa: S311 - any bytes
SHA256 = hashlib.sha256(PDF).digest()
ENDED = 16 * 60
"""Seconds after which an address of a small file has ended."""
KEY_ID = "K2JCJMDEHXQW5F"
TOKEN_KEY = "229248f0-f007-4bf9-ba1f-bbf1b4ad9d40"


@pytest.fixture(scope="session")
def published(
    ceph: CephServer,
    pristine_library: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Address of a bucket with a library."""
    folder = tmp_path_factory.mktemp("published")
    library = Path(shutil.copytree(pristine_library, folder / "library"))
    (library / "Zine" / "zine.pdf").write_bytes(PDF)
    target = f"{ceph.create_bucket('cdn')}/library"
    subprocess.run(
        [sys.executable, "-m", "msrv", "publish", target],
        env={
            **ceph.environ,
            "PATH": "/usr/bin:/bin",
            "NONCE": NONCE,
            "MSRV_DATA": str(folder / "data"),
            "MSRV_LIBRARY": str(library),
            "MSRV_SETTLE_SECONDS": "0",
        },
        check=True,
        timeout=120,
    )
    return target


@pytest.fixture
def remote(
    ceph: CephServer,
    published: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings of a store on the bucket."""
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    return settings_room.load(
        {
            "MSRV_LIBRARY": published,
            "MSRV_DATA": str(tmp_path / "remote"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_TLS": "off",
        }
    )


@pytest.fixture
async def cdn(
    remote: Settings, published: str, clock: Clock
) -> AsyncIterator[CdnStandIn]:
    del remote  # its variables come first
    stand_in = CdnStandIn(Bucket.open(published), clock)
    async with stand_in.running():
        yield stand_in


@pytest.fixture
def link(keyring: Keyring, clock: Clock) -> str:
    """Link to the file, for a day."""
    order_id = new_order_id(lambda count: b"o" * count)
    return make_link(keyring, order_id, "zine", clock.now + 86_400).path


@pytest.fixture
async def start(
    start_store: StartStore, remote: Settings
) -> Callable[..., AbstractAsyncContextManager[Client]]:
    """Start a store with a CDN of a kind at an address."""

    @asynccontextmanager
    async def started(
        cdn: CdnStandIn, kind: str, key: str | None = None, address: str = ""
    ) -> AsyncIterator[Client]:
        url = f"{address or cdn.origin}/store"
        client = await start_store(
            remote.model_copy(
                update={
                    "delivery": "cdn",
                    "cdn": Cdn(CdnKind(kind), url, KEY_ID),
                    "cdn_key": None if key is None else SecretStr(key),
                }
            )
        )
        cdn.store = f"http://127.0.0.1:{client.port}"
        yield client

    return started


Start = Callable[..., AbstractAsyncContextManager[Client]]


def keys_of(keyring: Keyring, kind: str) -> cdn_verifiers.Keys:
    return lambda month: month_key(keyring.current, kind, month)


async def address_of(store: Client, link: str) -> str:
    """Return where a link leads."""
    async with store.get(link, allow_redirects=False) as response:
        assert response.status == 307
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        return response.headers["Location"]


def check_part(response: ClientResponse, body: bytes, start: int) -> None:
    assert response.status == (206 if start else 200)
    assert body == PDF[start:]
    assert response.headers["Content-Type"] == "application/pdf"
    name = response.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="zine.pdf"')
