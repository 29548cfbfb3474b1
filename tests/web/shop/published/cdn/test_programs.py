# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The programs that a CDN runs, in Node.js: a Worker and a function."""

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import playwright
import pytest
from aiohttp import ClientSession

from msrv.downloads.objects import cdn_signatures
from msrv.downloads.objects.cdn_keys import month_of
from msrv.downloads.representation import content_disposition
from msrv.proofs.encoding import encode
from msrv.proofs.keyring import Keyring
from tests.conftest import Clock
from tests.web.shop.published.cdn.cdn_stand_in import CdnStandIn
from tests.web.shop.published.cdn.conftest import (
    ENDED,
    TOKEN_KEY,
    Start,
    address_of,
    check_part,
    keys_of,
)

ROOT = Path(__file__).parents[5]
WORKER = ROOT / "deploy" / "cdn" / "cloudflare-worker.js"
FUNCTION = ROOT / "deploy" / "cdn" / "cloudfront-response.js"
HOST = Path(__file__).parent / "cloudflare_host.mjs"


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
