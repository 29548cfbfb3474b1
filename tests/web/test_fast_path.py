# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The fast path: the same responses as the application's, or none."""

from collections.abc import Callable

import pytest

from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.ledger.ledger import Ledger
from msrv.ledger.revocations import RevokedItems
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.web.counted_store import CountedStore
from tests.web.purchases import buy, download_path

PDF = b"%PDF-1.4 zine %%EOF"


@pytest.fixture
def counted(store: Client) -> CountedStore:
    """Return a store that counts what falls through the fast path."""
    return CountedStore(store)


@pytest.fixture
async def link(counted: CountedStore) -> str:
    """Return a link to a small file that is cached."""
    path = download_path(await buy(counted.store, "zine"), "zine")
    assert await (await counted.store.get(path)).read() == PDF
    counted.fell_through = 0
    return path


async def test_fast_path_response_equals_the_applications(
    counted: CountedStore, link: str
) -> None:
    fast = await counted.store.get(link)
    assert counted.fell_through == 0
    regular = await counted.store.get(link, headers={"If-Match": "*"})
    assert counted.fell_through == 1
    assert await fast.read() == await regular.read() == PDF
    # But for the second they were made in.
    assert {**fast.headers, "Date": ""} == {**regular.headers, "Date": ""}
    assert fast.headers["Cache-Control"] == "private, no-store"
    assert fast.headers["X-Content-Type-Options"] == "nosniff"


async def test_cached_file_serves_the_links_of_all_buyers(
    counted: CountedStore, link: str
) -> None:
    other = download_path(await buy(counted.store, "zine"), "zine")
    assert other != link
    counted.fell_through = 0
    assert await (await counted.store.get(other)).read() == PDF
    assert counted.fell_through == 0


def changed(link: str, part: int) -> str:
    """Return a function that alters a character of a part of a link."""
    parts = link.split("/")
    last = parts[part][-1]
    parts[part] = parts[part][:-1] + ("A" if last != "A" else "B")
    return "/".join(parts)


def of_other(link: str, item: str) -> str:
    """Return the link with another item's id."""
    return f"{link.rpartition('/')[0]}/{item}"


@pytest.mark.parametrize(
    ("alter", "status"),
    [
        (lambda link: changed(link, 2), 404),
        (lambda link: changed(link, 3), 404),
        (lambda link: of_other(link, "departure"), 404),
        (lambda link: of_other(link, "zine-issue"), 404),
        (lambda link: f"{link}x/", 404),
        # Led to the right address, which is at hand.
        (lambda link: f"{link}/", 200),
        (lambda link: f"{link}%00", 404),
        (lambda link: f"{link}?x=1", 200),
        (lambda link: link.replace("/download/", "/downloads/"), 404),
    ],
    ids=[
        "purchase",
        "expiry",
        "item",
        "release",
        "another's slash",
        "slash",
        "nul",
        "query",
        "other route",
    ],
)
async def test_invalid_links_fall_through(
    counted: CountedStore, link: str, alter: Callable[[str], str], status: int
) -> None:
    answer = await counted.store.get(alter(link))
    assert (answer.status, counted.fell_through) == (status, 1)


@pytest.mark.parametrize(
    ("query", "status", "fell_through"),
    [
        ("as=original", 200, 0),
        ("as=mp3", 404, 1),
        ("as=original&x=1", 200, 1),
        ("as=original&as=mp3", 200, 1),
    ],
)
async def test_fast_path_knows_formats_alone(
    counted: CountedStore,
    link: str,
    query: str,
    status: int,
    fell_through: int,
) -> None:
    answer = await counted.store.get(f"{link}?{query}")
    assert (answer.status, counted.fell_through) == (status, fell_through)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=0-3"}, 206),
        ({"Range": "bytes=99-"}, 416),
        ({"If-None-Match": "*"}, 304),
        ({"If-Match": '"x"'}, 412),
        ({"Host": "evil.example"}, 421),
    ],
    ids=["part", "no part", "known", "other", "foreign host"],
)
async def test_requests_with_conditions_or_other_hosts_fall_through(
    counted: CountedStore, link: str, headers: dict[str, str], status: int
) -> None:
    answer = await counted.store.get(link, headers=headers)
    assert (answer.status, counted.fell_through) == (status, 1)


async def test_other_name_of_the_store_falls_through(
    start_store: StartStore, settings: Settings
) -> None:
    """The application redirects it, for pages and for downloads alike."""
    names = ("127.0.0.1", "www.shop.example")
    counted = CountedStore(
        await start_store(settings.model_copy(update={"domain": names}))
    )
    store = counted.store
    path = download_path(await buy(store, "zine"), "zine")
    for cached in (path, "/artists"):
        for _ in range(2):
            await (await store.get(cached)).read()
        counted.fell_through = 0
        assert (await store.get(cached)).status == 200
        assert counted.fell_through == 0
        answer = await store.get(
            cached, headers={"Host": names[1]}, allow_redirects=False
        )
        assert (answer.status, counted.fell_through) == (308, 1)


async def test_head_has_no_body(counted: CountedStore, link: str) -> None:
    answer = await counted.store.head(link)
    assert (answer.status, counted.fell_through) == (200, 1)
    assert answer.content_length == len(PDF)
    assert (await counted.store.get("/catalog")).status == 200


async def test_expired_link_falls_through(
    counted: CountedStore, link: str, clock: Clock
) -> None:
    clock.now += 365 * 86_400
    answer = await counted.store.get(link)
    assert (answer.status, counted.fell_through) == (410, 1)


async def test_refunded_link_falls_through(
    counted: CountedStore, link: str
) -> None:
    ledger = counted.store.app[STORE].ledger
    assert isinstance(ledger, Ledger)
    order_id = link.split("/")[2][:24]
    ledger.revocations.update(
        {
            order_id: RevokedItems(
                whole=True, items=frozenset(), kept=frozenset()
            )
        },
        1,
    )
    answer = await counted.store.get(link)
    assert (answer.status, counted.fell_through) == (410, 1)


async def test_store_without_a_catalog_falls_through(
    counted: CountedStore, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def current(_: LiveCatalog) -> None:
        raise NotReady

    monkeypatch.setattr(LiveCatalog, "current", property(current))
    answer = await counted.store.get(link)
    assert (answer.status, counted.fell_through) == (503, 1)


async def test_draining_store_falls_through(
    counted: CountedStore, link: str
) -> None:
    """Its connections are closed by the application."""
    counted.store.app[STORE].metrics.draining = True
    answer = await counted.store.get(link)
    assert answer.headers["Connection"] == "close"
    assert counted.fell_through == 1


async def test_fast_path_downloads_are_counted(
    counted: CountedStore, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    real = Ledger.track_download

    def on_sent(
        self: Ledger, order_id: str, item_id: str, etag: str, size: int
    ) -> Callable[[tuple[int, int]], None]:
        tell = real(self, order_id, item_id, etag, size)

        def heard(sent: tuple[int, int]) -> None:
            told.append((order_id, item_id, etag, size, *sent))
            tell(sent)

        return heard

    monkeypatch.setattr(Ledger, "track_download", on_sent)
    size = len(PDF)
    before = await figures(counted.store)
    await (await counted.store.get(link)).read()
    assert counted.fell_through == 1, "for the figures"
    await (await counted.store.get(link, headers={"If-Match": "*"})).read()
    fast, regular = told
    assert fast == regular
    assert fast[4:] == (0, size)
    after = await figures(counted.store)
    assert after["requests"] == before["requests"] + 2
    assert after["bytes"] == before["bytes"] + 2 * size
    assert after["seconds"] == before["seconds"] + 2


async def figures(store: Client) -> dict[str, float]:
    """Return the metrics of downloads so far."""
    text = await (await store.get("/-/metrics")).text()
    names = {
        "requests": 'msrv_requests_total{method="GET",route="download",'
        'status="200"}',
        "bytes": 'msrv_sent_bytes_total{route="download"}',
        "seconds": 'msrv_request_seconds_count{route="download"}',
    }
    return {
        short: float(line.rpartition(" ")[2])
        for short, name in names.items()
        for line in text.splitlines()
        if line.startswith(name)
    }
