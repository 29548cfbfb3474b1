# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""QR codes: drawn once for each address, in a thread, and few at a time."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from markupsafe import Markup

from msrv.web.shop.qr_codes import MAX_ADDRESS_BYTES, MAX_WAITING, QRCodes
from msrv.web.store import STORE
from tests.conftest import Client
from tests.web.purchases import buy, path_of

JSON = {"Accept": "application/json"}


class Drawn:
    """Counts the codes that are drawn, and holds them until `go` is set."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.threads: set[int] = set()
        self.go = threading.Event()
        self.codes = QRCodes(self.draw)

    def draw(self, address: str) -> Markup:
        self.go.wait(10)
        self.addresses.append(address)
        self.threads.add(threading.get_ident())
        return Markup(f"<svg>{address}</svg>")  # noqa: S704


@pytest.fixture
def drawn() -> Iterator[Drawn]:
    found = Drawn()
    yield found
    found.go.set()
    found.codes.close()


async def test_address_is_drawn_once(drawn: Drawn) -> None:
    asked = [asyncio.create_task(drawn.codes.of("a")) for _ in range(20)]
    await asyncio.sleep(0)
    asked[0].cancel()
    drawn.go.set()
    found = await asyncio.gather(*asked[1:])
    assert set(found) == {"<svg>a</svg>"}
    assert await drawn.codes.of("a") == "<svg>a</svg>"
    assert drawn.addresses == ["a"]
    assert threading.get_ident() not in drawn.threads


async def test_codes_beyond_the_queue_are_left_out(
    drawn: Drawn,
) -> None:
    asked = [
        asyncio.create_task(drawn.codes.of(f"{number}"))
        for number in range(MAX_WAITING + 5)
    ]
    await asyncio.gather(*asked[MAX_WAITING:])
    assert [each.result() for each in asked[MAX_WAITING:]] == [None] * 5
    drawn.go.set()
    assert all(await asyncio.gather(*asked[:MAX_WAITING]))
    assert await drawn.codes.of("later") == "<svg>later</svg>"


async def test_too_long_address_has_no_code(drawn: Drawn) -> None:
    assert await drawn.codes.of("a" * (MAX_ADDRESS_BYTES + 1)) is None


async def test_json_draws_no_code(store: Client) -> None:
    drawn = Drawn()
    drawn.go.set()
    assert store.app is not None
    app = store.app
    app._state[STORE] = replace(app[STORE], qr_codes=drawn.codes)
    path = path_of((await buy(store, "zine"))["receipt"])
    assert (await store.get(path, headers=JSON)).status == 200
    assert drawn.addresses == []
    for _ in range(3):
        page = await (await store.get(path)).text()
        assert "<svg>http" in page
    assert len(drawn.addresses) == 1
    drawn.codes.close()
