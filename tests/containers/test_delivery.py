"""What leaves through nginx is what would leave through the store."""

import os
import shutil
from collections.abc import Iterator
from os import link

import pytest

from tests.containers.buyer import Answer, Buyer, Headers
from tests.containers.conftest import Stack
from tests.containers.engine import IMAGE_USER, NONCE, docker
from tests.containers.library import LONG_BYTES, ODD_NAMES
from tests.store_process import launch_store

_OWN = {"date", "server", "connection", "strict-transport-security"}
"""Headers that a connection, a day or a server adds."""

REQUESTS: list[Headers] = [
    {},
    {"Range": "bytes=5-9"},
    {"Range": "bytes=5-"},
    {"Range": "bytes=-7"},
    {"Range": "bytes=-99999999999"},
    {"Range": "bytes=0-99999999999999999"},
    {"Range": "bytes=0-99999999999999999999999"},
    {"Range": "BYTES= 5-9 "},
    {"Range": "bytes=9-5"},
    {"Range": "bytes=99999-"},
    {"Range": "bytes=-0"},
    {"Range": "bytes=0-1,4-5"},
    {"Range": "bytes=0-1,"},
    {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 40, 2))},
    {"Range": "bytes=0-4000,1000-5000,0-"},
    {"Range": "lines=1-2"},
    {"Range": "bytes=5-9", "If-Range": "{etag}"},
    {"Range": "bytes=5-9", "If-Range": '"stale"'},
    {"Range": "bytes=5-9", "If-Range": "W/{etag}"},
    {"Range": "bytes=5-9", "If-Range": "{modified}"},
    {"Range": "bytes=5-9", "If-Range": "Mon, 01 Jan 2001 00:00:00 GMT"},
    {"If-Range": '"stale"'},
    {"If-None-Match": "{etag}"},
    {"If-None-Match": "*"},
    {"If-None-Match": '"other"'},
    {"If-None-Match": '"other"', "Range": "bytes=5-9"},
    {"If-None-Match": '"other"', "If-Modified-Since": "{modified}"},
    {"If-Modified-Since": "{modified}"},
    {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    {"If-Match": "{etag}"},
    {"If-Match": "{etag}", "Range": "bytes=5-9"},
    {"If-Match": '"stale"'},
    {"If-Match": "*"},
    {"If-Unmodified-Since": "{modified}", "Range": "bytes=5-9"},
    {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    {"Accept-Encoding": "gzip, br"},
]


@pytest.fixture(scope="module")
def direct(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Buyer]:
    """The same store with the same secret, without an edge."""
    folder = tmp_path_factory.mktemp("direct")
    for name in ("Long", "Odd ?#% Names"):
        shutil.copytree(
            stack.library / name, folder / "library" / name, copy_function=link
        )
    store = launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_TLS="off",
        NONCE=NONCE,
    )
    yield Buyer(store.port)
    assert store.stop() == 0


@pytest.fixture(scope="module")
def links(stack: Stack) -> dict[str, str]:
    """A link to everything, by its id."""
    return stack.buyer.buy(*stack.buyer.shelf())


def described(answer: Answer) -> Headers:
    """Give the headers that are about what is sold."""
    return {
        name: text for name, text in answer.headers.items() if name not in _OWN
    }


def test_any_name_arrives(
    stack: Stack, direct: Buyer, links: dict[str, str]
) -> None:
    """Who buys a file with an odd name gets a page that says 404."""
    odd = stack.library / "Odd ?#% Names"
    for item, name in ODD_NAMES.items():
        path = next(links[each] for each in links if each.startswith(item))
        answer = stack.buyer.ask(path)
        assert answer.status == 200, name
        assert answer.body == (odd / name).read_bytes(), name
        assert described(answer) == described(direct.ask(path)), name


@pytest.mark.parametrize(
    ("item", "headers"),
    [
        (item, headers)
        for item in ("short", "spaces", "long")
        for headers in REQUESTS
        # All of the long one, over and over, says nothing more.
        if item != "long" or headers.keys() & {"Range", "If-None-Match"}
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_request_is_answered_as_without_the_edge(
    item: str,
    headers: Headers,
    stack: Stack,
    direct: Buyer,
    links: dict[str, str],
) -> None:
    """A resume through nginx joins two versions, or never ends."""
    path = links[item]
    known = direct.ask(path, method="HEAD").headers
    filled = {
        name: text.format(etag=known["etag"], modified=known["last-modified"])
        for name, text in headers.items()
    }
    for method in ("GET", "HEAD"):
        here = direct.ask(path, filled, method=method)
        there = stack.buyer.ask(path, filled, method=method)
        assert there.status == here.status, filled
        assert described(there) == described(here)
        assert there.body == here.body
    assert described(direct.ask(path)) == described(stack.buyer.ask(path))


def test_nginx_sends_the_file(stack: Stack, links: dict[str, str]) -> None:
    """All bytes go through Python, at many times the cost."""
    before = set(stack.project.logs("app"))
    answer = stack.buyer.ask(links["long"])
    assert len(answer.body) == LONG_BYTES
    # Others of this stack may have asked a replica itself.
    logs = set(stack.project.logs("app")) - before
    lines = [line for line in logs if '"download"' in line]
    assert lines
    assert not [line for line in lines if f'"bytes": {LONG_BYTES}' in line]


@pytest.mark.parametrize(
    "path",
    [
        "/-/files/whole/Long/Long.bin",
        "/-/files/part/Long/Long.bin",
        "/-/files/whole/",
        "/-/files/",
        "/-/files/whole/../whole/Long/Long.bin",
        "/%2d/files/whole/Long/Long.bin",
        "/library/Long/Long.bin",
    ],
)
def test_nobody_asks_for_a_file_by_its_path(stack: Stack, path: str) -> None:
    """Whoever guesses a name has it for nothing."""
    for headers in ({}, {"X-Accel-Redirect": path}):
        assert stack.buyer.ask(path, headers).status == 404


def test_a_missing_file_is_away_and_not_unknown(
    stack: Stack, links: dict[str, str]
) -> None:
    """A buyer whose file is on its way back is told that it never was."""
    file = stack.library / "Long" / "Short.bin"
    hidden = file.with_name("Short.part")
    file.rename(hidden)
    try:
        answer = stack.buyer.ask(links["short"])
    finally:
        hidden.rename(file)
    assert answer.status == 503
    assert b"This file is temporarily unavailable" in answer.body


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_nginx_can_not_read_is_away(
    stack: Stack, links: dict[str, str]
) -> None:
    """A library that nginx can't read looks as if its links were wrong."""
    file = stack.library / "Long" / "Short.bin"
    was = file.stat()
    file.chmod(0o400)
    os.chown(file, IMAGE_USER, -1)
    try:
        answer = stack.buyer.ask(links["short"])
    finally:
        os.chown(file, was.st_uid, -1)
        file.chmod(was.st_mode)
    assert answer.status == 503
    assert answer.headers["server"] == "nginx"
    assert stack.buyer.ask(links["short"]).status == 200


def test_who_is_not_the_edge_gets_the_bytes(
    stack: Stack, links: dict[str, str]
) -> None:
    """A program beside the edge gets an empty file, or a path."""
    app = stack.project.containers("app")[0]
    script = (
        "import sys, urllib.request as r\n"
        "a = r.urlopen('http://127.0.0.1:8000' + sys.argv[1])\n"
        "print(a.headers['X-Accel-Redirect'], len(a.read()))"
    )
    said = docker("exec", app, "python", "-c", script, links["short"])
    assert said.split() == ["None", "5"]
