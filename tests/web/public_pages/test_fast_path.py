# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The fast path of pages: what the application sends, and never another's."""

import asyncio
import re
from itertools import product
from pathlib import Path

import pytest

from msrv.web.store import STORE
from tests.conftest import Client
from tests.polling import wait_until
from tests.web.counted_store import CountedStore

JSON = {"Accept": "application/json"}
PATHS = (
    "/",
    "/catalog",
    "/catalog?kind=single",
    "/catalog/night-bus",
    "/catalog/zine-issue",
    "/embed/night-bus",
)
ATTEMPT = re.compile(r'name="attempt" value="([A-Z2-7]{24})"')


@pytest.fixture
def counted(store: Client) -> CountedStore:
    return CountedStore(store)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_cached_page_equals_the_applications(
    counted: CountedStore, accept: str, coding: str
) -> None:
    headers = {"Accept": accept, "Accept-Encoding": coding}
    for path in PATHS:
        regular = await counted.store.get(path, headers=headers)
        counted.fell_through = 0
        fast = await counted.store.get(path, headers=headers)
        assert counted.fell_through == 0
        pages = [await each.text() for each in (regular, fast)]
        assert ATTEMPT.sub("", pages[0]) == ATTEMPT.sub("", pages[1])
        assert {**fast.headers, "Date": ""} == {**regular.headers, "Date": ""}
        assert fast.headers["Date"]
        if accept == "text/html" and path.startswith("/catalog/"):
            ids = [set(ATTEMPT.findall(page)) for page in pages]
            assert [len(each) for each in ids] == [1, 1]
            assert ids[0] != ids[1]


async def test_no_visitor_gets_a_part_of_anothers_page(
    counted: CountedStore,
) -> None:
    """Each response is that of a store whose cache is off."""
    store = counted.store
    port = store.port
    visitors = [
        {"Host": host, "Accept-Language": language, "Accept": accept} | cookie
        for host, language, accept, cookie in product(
            (f"localhost:{port}", f"127.0.0.1:{port}"),
            ("de-AT", "en"),
            ("text/html", "application/json"),
            (
                {},
                {"Cookie": "cart=umbrella"},
                {"Cookie": "cart=departure.night-bus"},
                {"Cookie": "language=ar"},
                {"Cookie": "discount=SECRET-CODE"},
                {"Cookie": "payment=L3BheW1lbnRzL2RlbW8veA"},
                {"Cookie": "other=cart"},
            ),
        )
    ]
    paths = (
        "/catalog/umbrella-single",
        "/catalog?q=umbrella",
        "/catalog?q=umbrella&lang=ja",
        "/",
    )

    async def fetch(path: str, visitor: dict[str, str]) -> tuple[str, str]:
        answer = await store.get(path, headers=visitor)
        assert answer.status == 200
        return ATTEMPT.sub("", await answer.text()), str(
            answer.headers.get("Content-Language")
        )

    requests = list(product(paths, visitors))
    fast = []
    for _ in range(3):  # the first fills the cache
        fast = await asyncio.gather(*(fetch(*each) for each in requests))
    counted.store.app[STORE].public_pages._is_on = False
    pages = counted.store.app[STORE].public_pages
    pages._clear(None)
    for request, found in zip(requests, fast, strict=True):
        assert found == await fetch(*request), request
    # The carts, languages, hosts and forms do differ.
    assert len({text for text, _ in fast}) > 50


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Accept": "image/png"}, 406),
        ({"Connection": "close"}, 200),
        ({"Cookie": "a=b; cart=umbrella"}, 200),
        ({"Cookie": "__Host-cart=umbrella"}, 200),
    ],
)
async def test_other_requests_fall_through(
    counted: CountedStore, headers: dict[str, str], status: int
) -> None:
    await counted.store.get("/")
    counted.fell_through = 0
    answer = await counted.store.get("/", headers=headers)
    assert (answer.status, counted.fell_through) == (status, 1)


async def test_draining_store_falls_through(counted: CountedStore) -> None:
    await counted.store.get("/")
    counted.store.app[STORE].metrics.draining = True
    counted.fell_through = 0
    answer = await counted.store.get("/")
    assert answer.headers["Connection"] == "close"
    assert counted.fell_through == 1
    counted.store.app[STORE].metrics.draining = False


async def test_change_of_the_library_shows_at_once(
    counted: CountedStore, library: Path
) -> None:
    catalog = counted.store.app[STORE].catalog
    for _ in range(2):
        assert "One song" in await text_of(counted.store)
    path = library / "Umbrella" / "release.toml"
    path.write_text(path.read_text().replace("One song", "A song"))
    await wait_until(
        lambda: (
            "A song"
            in catalog.current.releases_by_id["umbrella-single"].description
        )
    )
    assert "A song" in await text_of(counted.store)


async def text_of(store: Client) -> str:
    return await (await store.get("/catalog/umbrella-single")).text()


async def test_cached_pages_are_counted(counted: CountedStore) -> None:
    metrics = counted.store.app[STORE].metrics
    for _ in range(3):
        await counted.store.get("/artists")
    answer = await counted.store.get("/artists")
    await counted.store.get(
        "/artists", headers={"If-None-Match": answer.headers["ETag"]}
    )
    text = metrics.exposition().decode()
    line = 'msrv_requests_total{method="GET",route="artists",status='
    assert f'{line}"200"}} 4.0' in text
    assert f'{line}"304"}} 1.0' in text
