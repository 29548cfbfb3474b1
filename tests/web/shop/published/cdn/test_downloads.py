# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads by way of a CDN in front of a bucket of Ceph."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from msrv.downloads.objects.cdn_keys import month_key, month_of
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import make_link
from msrv.proofs.orders import new_order_id
from tests.conftest import Clock
from tests.downloads.objects import cdn_verifiers
from tests.web.shop.published.cdn.cdn_stand_in import CdnStandIn
from tests.web.shop.published.cdn.conftest import (
    ENDED,
    KEY_ID,
    PDF,
    TOKEN_KEY,
    Start,
    address_of,
    check_part,
    keys_of,
)


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
