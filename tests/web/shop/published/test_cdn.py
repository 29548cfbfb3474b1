# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads by way of a CDN in front of a bucket of Ceph.

The CDN is one of the tests', or the Worker for Cloudflare in Node.js.
"""

import asyncio
import hashlib
import json
import os
import random
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import playwright
import pytest
import trustme
from aiohttp import ClientResponse, ClientSession
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from msrv import settings as settings_room
from msrv.downloads.objects import cdn_signatures
from msrv.downloads.objects.cdn_keys import month_key, month_of
from msrv.downloads.representation import content_disposition
from msrv.proofs.encoding import encode
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import make_link
from msrv.proofs.orders import new_order_id
from msrv.settings import Settings
from msrv.settings.cdn_types import Cdn, CdnKind
from msrv.storage.objects.bucket import Bucket
from tests.conftest import NONCE, Client, Clock, StartStore
from tests.downloads.objects import cdn_verifiers
from tests.storage.objects.ceph_server import CephServer
from tests.web.shop.published.cdn_stand_in import CdnStandIn

ROOT = Path(__file__).parents[4]
WORKER = ROOT / "deploy" / "cdn" / "cloudflare-worker.js"
FUNCTION = ROOT / "deploy" / "cdn" / "cloudfront-response.js"
HOST = Path(__file__).parent / "cloudflare_host.mjs"

PDF = b"%%PDF-1.4 %b %%%%EOF" % random.Random(1).randbytes(2_000_000)  # noqa: S311 - any bytes
SHA256 = hashlib.sha256(PDF).digest()
ENDED = 16 * 60
"""Seconds after which an address of a small file has ended."""
KEY_ID = "K2JCJMDEHXQW5F"
TOKEN_KEY = "229248f0-f007-4bf9-ba1f-bbf1b4ad9d40"


@pytest.fixture(scope="module")
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


@pytest.mark.parametrize("kind", ["cloudfront", "fastly", "bunny"])
async def test_a_cdn_sends_the_file_until_the_address_ends(
    cdn: CdnStandIn,
    start: Start,
    keyring: Keyring,
    clock: Clock,
    link: str,
    kind: str,
) -> None:
    key, text = ec.generate_private_key(ec.SECP256R1()), None
    match kind:
        case "cloudfront":
            cdn.verify = cdn_verifiers.cloudfront(
                cdn.origin, key.public_key(), KEY_ID
            )
            text = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
        case "bunny":
            cdn.verify, text = cdn_verifiers.bunny(TOKEN_KEY), TOKEN_KEY
        case _:
            cdn.verify = cdn_verifiers.fastly(keys_of(keyring, kind))
    async with start(cdn, kind, text) as store, ClientSession() as session:
        addresses = [await address_of(store, link) for _ in range(2)]
        for address in addresses:
            async with session.get(address) as response:
                check_part(response, await response.read(), 0)
        other = addresses[0].replace("item=zine", "item=night-bus")
        async with session.get(other) as response:
            assert response.status == 403
        cdn.store = ""
        clock.now += ENDED
        async with session.get(addresses[0]) as response:
            assert response.status == 403
    assert cdn.origin_reads == 1


async def test_a_download_continues_after_its_address_has_ended(
    cdn: CdnStandIn,
    start: Start,
    keyring: Keyring,
    clock: Clock,
    link: str,
    tmp_path: Path,
) -> None:
    cdn.verify = cdn_verifiers.fastly(keys_of(keyring, "fastly"))
    async with start(cdn, "fastly") as store, ClientSession() as session:
        address = await address_of(store, link)
        async with session.get(
            address, headers={"Range": "bytes=0-999999"}
        ) as response:
            part = await response.read()
            tag = response.headers["ETag"]
        clock.now += ENDED
        # As a browser resumes.
        async with session.get(
            address, headers={"Range": "bytes=1000000-", "If-Range": tag}
        ) as response:
            assert [each.status for each in response.history] == [307, 307]
            assert response.url.host == "127.0.0.1"
            check_part(response, await response.read(), 1_000_000)
        # As curl does.
        file = tmp_path / "zine.pdf"
        file.write_bytes(part)
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sfL", "-C", "-", "-o", str(file), address)
        )
        assert await process.wait() == 0
        assert file.read_bytes() == PDF
        sent_bytes = cdn.sent_bytes
        assert sent_bytes == 1_000_000 + 2 * (len(PDF) - 1_000_000)
        # The tag of another file: all of it, from the store.
        async with session.get(
            store.make_url(link),
            headers={"Range": "bytes=5-", "If-Range": '"other"'},
        ) as response:
            check_part(response, await response.read(), 0)
        # Once the link has ended, its own page says so.
        clock.now += 86_400
        async with session.get(address) as response:
            assert response.status == 410
        assert cdn.sent_bytes == sent_bytes


async def test_what_a_page_plays_is_sent_by_the_store(
    cdn: CdnStandIn, start: Start, link: str
) -> None:
    async with start(cdn, "fastly") as store:
        async with store.get(
            link, headers={"Sec-Fetch-Dest": "audio"}, allow_redirects=False
        ) as response:
            assert response.status == 200
            assert await response.read() == PDF
        assert cdn.targets == []


async def test_address_that_ends_next_month_has_its_key(
    cdn: CdnStandIn, start: Start, keyring: Keyring, clock: Clock
) -> None:
    clock.now = 1_796_083_200 - 60  # a minute before December 2026
    months: list[str] = []

    def key_of(month: str) -> str:
        months.append(month)
        return month_key(keyring.current, "cloudflare", month)

    cdn.verify = cdn_verifiers.cloudflare(key_of)
    order_id = new_order_id(lambda count: b"o" * count)
    link = make_link(keyring, order_id, "zine", clock.now + 3600).path
    async with start(cdn, "cloudflare") as store, ClientSession() as session:
        address = await address_of(store, link)
        for _ in range(2):
            async with session.get(address) as response:
                assert response.status == 200
            clock.now += 120
    assert months == ["2026-12"] * 2
    assert month_of(clock.now) == "2026-12"


@pytest.fixture
def node() -> str:
    """Path of the Node.js of Playwright: it runs what is deployed at a CDN."""
    return str(Path(playwright.__file__).parent / "driver" / "node")


@pytest.mark.parametrize("own", [False, True])
async def test_worker_verifies_names_and_leads_back(
    cdn: CdnStandIn,
    start: Start,
    keyring: Keyring,
    clock: Clock,
    link: str,
    node: str,
    tmp_path: Path,
    *,
    own: bool,
) -> None:
    time_file = tmp_path / "clock"
    time_file.write_text(str(clock.now))
    worker = tmp_path / "worker.mjs"
    worker.write_bytes(WORKER.read_bytes())
    month = month_of(clock.now)
    derived = keys_of(keyring, "cloudflare")(month)
    keys = {month: derived} | ({"any": TOKEN_KEY} if own else {})
    async with (
        start(cdn, "cloudflare", TOKEN_KEY if own else None) as store,
        ClientSession() as session,
    ):
        process = await asyncio.create_subprocess_exec(
            *(node, str(HOST), str(worker), cdn.origin, str(time_file)),
            env={"STORE": cdn.store, "KEYS": json.dumps(keys)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            edge = f"http://127.0.0.1:{int(await process.stdout.readline())}"
            address = await address_of(store, f"{link}?as=original")
            address = address.replace(cdn.origin, edge)
            async with session.get(
                address, headers={"Range": "bytes=5-"}
            ) as response:
                check_part(response, await response.read(), 5)
            # The name is that of the address, whatever the bucket has.
            name = content_disposition("Übung.pdf", "attachment")
            renamed = cdn_signatures.cloudflare(
                f"{address.partition('?')[0]}?pop=a&poe=b&item=c"
                f"&disposition={encode(name.encode())}",
                clock.now + 60,
                derived,
            )
            async with session.get(renamed) as response:
                assert response.headers["Content-Disposition"] == name
            # The cache has one copy, whatever the query is.
            assert cdn.targets == [urlsplit(address).path] * 2
            assert cdn.origin_reads == 1
            for wrong in (
                address.replace("item=zine", "item=night-bus"),
                address.replace("&verify=", "&verify=1"),
                address[:-1],
                f"{address}A",
                address.partition("?")[0],
            ):
                async with session.get(wrong) as response:
                    assert response.status == 403
            async with session.post(address) as response:
                assert response.status == 403
            assert len(cdn.targets) == 2
            clock.now += ENDED
            time_file.write_text(str(clock.now))
            async with session.get(address, allow_redirects=False) as response:
                assert response.status == 307
                back = response.headers["Location"]
            assert back == f"{cdn.store}{link}?as=original"
            # Nobody is sent anywhere by an address that was never signed.
            async with session.get(
                address.replace("item=zine", "item=night-bus")
            ) as response:
                assert response.status == 403
        finally:
            process.terminate()
            await process.wait()


async def test_edge_names_the_file_by_the_address(
    node: str, link: str, start: Start, cdn: CdnStandIn
) -> None:
    async with start(cdn, "fastly") as store:
        query = dict(parse_qsl(urlsplit(await address_of(store, link)).query))
    program = FUNCTION.read_text("utf-8") + (
        "console.log(JSON.stringify([200, 206, 304].map((statusCode) => "
        "handler({request: {querystring: {disposition: {value: "
        f"{json.dumps(query['disposition'])}}}}}}}, "
        "response: {statusCode, headers: {}}}))));"
    )
    process = await asyncio.create_subprocess_exec(
        node, "-e", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    named = [
        each["headers"].get("content-disposition", {}).get("value")
        for each in json.loads(output)
    ]
    expected = content_disposition("zine.pdf", "attachment")
    assert named == [expected, expected, None]


@pytest.mark.parametrize("case", ["right", "bare", "open", "wrong key"])
async def test_check_shows_what_the_cdn_does(
    remote: Settings,
    published: str,
    keyring: Keyring,
    tmp_path: Path,
    case: str,
) -> None:
    del remote  # its variables come first
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    cdn = CdnStandIn(Bucket.open(published), lambda: int(time.time()))
    keys = keys_of(keyring, "fastly")
    if case != "open":
        cdn.verify = cdn_verifiers.fastly(
            keys if case != "wrong key" else lambda _month: TOKEN_KEY
        )
    if case == "right":
        cdn.store, cdn.names_files = "https://shop.example", True
    async with cdn.running(tls):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "msrv", "cdn", "check"),
            env={
                **os.environ,
                "NONCE": NONCE,
                "MSRV_DATA": str(tmp_path / "data"),
                "MSRV_LIBRARY": published,
                "MSRV_CDN": f"fastly {cdn.origin}/store",
                "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    outcomes = [line.split()[0] for line in output.decode().splitlines()]
    assert (process.returncode, outcomes) == {
        "right": (0, ["Pass"] * 5),
        "bare": (0, ["Pass", "Warn", "Pass", "Pass", "Warn"]),
        "open": (1, ["Pass", "Warn", "Fail", "Fail", "Fail"]),
        "wrong key": (1, ["Fail", "Pass", "Pass", "Warn"]),
    }[case]
