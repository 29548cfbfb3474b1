"""The hatch gives what the house would have given, and nothing else."""

from collections.abc import Callable

import pytest
from aiohttp import web

from msrv.catalog.live import LiveCatalog, NotReady
from msrv.ledger.ledger import Ledger
from msrv.ledger.revocations import RevokedItems
from msrv.web import fast_path
from msrv.web.store import STORE
from tests.conftest import Client, Clock
from tests.web.test_ledger import buy, path_of

PDF = b"%PDF-1.4 zine %%EOF"


class Door:
    """A store with its fast_path, and how often the house was asked."""

    def __init__(self, store: Client) -> None:
        self.store = store
        self.in_house = 0
        assert store.server.runner is not None
        server = store.server.runner.server
        assert isinstance(server, web.Server)
        server.request_handler = fast_path.with_fast_path(
            store.server.app,  # type: ignore[attr-defined]  # as above
            self._counted(server.request_handler),
        )

    def _counted(
        self, house: fast_path.RequestHandler
    ) -> fast_path.RequestHandler:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            self.in_house += 1
            return await house(request)

        return answer


@pytest.fixture
def door(store: Client) -> Door:
    """What is tested."""
    return Door(store)


@pytest.fixture
async def link(door: Door) -> str:
    """A link to a small file, which was sent a moment ago."""
    path = path_of(await buy(door.store, "zine"), "zine")
    assert await (await door.store.get(path)).read() == PDF
    door.in_house = 0
    return path


async def test_it_is_the_same_answer(door: Door, link: str) -> None:
    """A buyer gets other headers than the one before."""
    at_hatch = await door.store.get(link)
    assert door.in_house == 0
    in_house = await door.store.get(link, headers={"If-Match": "*"})
    assert door.in_house == 1
    assert await at_hatch.read() == await in_house.read() == PDF
    # But for the second they were made in.
    assert {**at_hatch.headers, "Date": ""} == {**in_house.headers, "Date": ""}
    assert at_hatch.headers["Cache-Control"] == "private, no-store"
    assert at_hatch.headers["X-Content-Type-Options"] == "nosniff"


async def test_each_buyer_has_a_link_of_their_own(
    door: Door, link: str
) -> None:
    """Who bought it second waits for the disk."""
    other = path_of(await buy(door.store, "zine"), "zine")
    assert other != link
    door.in_house = 0
    assert await (await door.store.get(other)).read() == PDF
    assert door.in_house == 0


def changed(link: str, part: int) -> str:
    """Alter a character of a part of a link."""
    parts = link.split("/")
    last = parts[part][-1]
    parts[part] = parts[part][:-1] + ("A" if last != "A" else "B")
    return "/".join(parts)


def of_other(link: str, item: str) -> str:
    """Ask for another item with the same proofs."""
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
async def test_what_is_not_a_good_link_goes_to_the_house(
    door: Door, link: str, alter: Callable[[str], str], status: int
) -> None:
    """A forger finds a door that nobody guards."""
    answer = await door.store.get(alter(link))
    assert (answer.status, door.in_house) == (status, 1)


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
async def test_who_asks_for_something_else_goes_to_the_house(
    door: Door, link: str, headers: dict[str, str], status: int
) -> None:
    """A condition, or another's name, is passed over."""
    answer = await door.store.get(link, headers=headers)
    assert (answer.status, door.in_house) == (status, 1)


async def test_a_head_has_no_body(door: Door, link: str) -> None:
    """A HEAD is sent the file, and the next answer begins in it."""
    answer = await door.store.head(link)
    assert (answer.status, door.in_house) == (200, 1)
    assert answer.content_length == len(PDF)
    assert (await door.store.get("/catalog")).status == 200


async def test_an_old_link_goes_to_the_house(
    door: Door, link: str, clock: Clock
) -> None:
    """A link that has ended still opens."""
    clock.now += 365 * 86_400
    answer = await door.store.get(link)
    assert (answer.status, door.in_house) == (410, 1)


async def test_a_refunded_link_goes_to_the_house(
    door: Door, link: str
) -> None:
    """Who has the money back has the file as well."""
    ledger = door.store.app[STORE].ledger
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
    answer = await door.store.get(link)
    assert (answer.status, door.in_house) == (410, 1)


async def test_a_store_that_has_just_begun_says_so(
    door: Door, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who resumes as the store starts again is told that it is broken."""

    def current(_: LiveCatalog) -> None:
        raise NotReady

    monkeypatch.setattr(LiveCatalog, "current", property(current))
    answer = await door.store.get(link)
    assert (answer.status, door.in_house) == (503, 1)


async def test_a_store_that_ends_says_so(door: Door, link: str) -> None:
    """A client keeps a connection that is about to be closed."""
    door.store.app[STORE].metrics.draining = True
    answer = await door.store.get(link)
    assert answer.headers["Connection"] == "close"
    assert door.in_house == 1


async def test_it_is_counted(
    door: Door, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves by the hatch is not in the figures, or never delivered."""
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
    before = await figures(door.store)
    await (await door.store.get(link)).read()
    assert door.in_house == 1, "for the figures"
    await (await door.store.get(link, headers={"If-Match": "*"})).read()
    at_hatch, in_house = told
    assert at_hatch == in_house
    assert at_hatch[4:] == (0, size)
    after = await figures(door.store)
    assert after["requests"] == before["requests"] + 2
    assert after["bytes"] == before["bytes"] + 2 * size
    assert after["seconds"] == before["seconds"] + 2


async def figures(store: Client) -> dict[str, float]:
    """What was counted of downloads so far."""
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
