# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads through nginx are the same as those from the store itself."""

import os
import shutil
from collections.abc import Iterator
from os import link

import pytest

from tests.containers.buyer import Buyer, Headers, Response
from tests.containers.conftest import Stack
from tests.containers.engine import IMAGE_USER, NONCE, docker
from tests.containers.library import LONG_BYTES, ODD_NAMES
from tests.store_process import launch_store

_OWN = {"date", "server", "connection", "strict-transport-security"}
"""Headers that depend on the connection, the date or the server."""

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
    """Store on the same files with the same secret, without an edge."""
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
    """Link to every item, by its id."""
    return stack.buyer.buy(*stack.buyer.catalog_ids())


def representation_headers(response: Response) -> Headers:
    """Return the headers that describe the representation."""
    return {
        name: text
        for name, text in response.headers.items()
        if name not in _OWN
    }


def test_file_with_any_name_can_be_downloaded(
    stack: Stack, direct: Buyer, links: dict[str, str]
) -> None:
    odd = stack.library / "Odd ?#% Names"
    for item, name in ODD_NAMES.items():
        path = next(links[each] for each in links if each.startswith(item))
        response = stack.buyer.request(path)
        assert response.status == 200, name
        assert response.body == (odd / name).read_bytes(), name
        assert representation_headers(response) == representation_headers(
            direct.request(path)
        ), name


@pytest.mark.parametrize(
    ("item", "headers"),
    [
        (item, headers)
        for item in ("short", "spaces", "long")
        for headers in REQUESTS
        # Repeating whole downloads of the long file would test nothing more.
        if item != "long" or headers.keys() & {"Range", "If-None-Match"}
    ],
    ids=lambda value: str(value)[:60],
)
def test_responses_are_the_same_with_and_without_the_edge(
    item: str,
    headers: Headers,
    stack: Stack,
    direct: Buyer,
    links: dict[str, str],
) -> None:
    path = links[item]
    known = direct.request(path, method="HEAD").headers
    filled = {
        name: text.format(etag=known["etag"], modified=known["last-modified"])
        for name, text in headers.items()
    }
    for method in ("GET", "HEAD"):
        here = direct.request(path, filled, method=method)
        there = stack.buyer.request(path, filled, method=method)
        assert there.status == here.status, filled
        assert representation_headers(there) == representation_headers(here)
        assert there.body == here.body
    assert representation_headers(
        direct.request(path)
    ) == representation_headers(stack.buyer.request(path))


def test_nginx_sends_the_bytes_of_files(
    stack: Stack, links: dict[str, str]
) -> None:
    before = set(stack.project.logs("app"))
    response = stack.buyer.request(links["long"])
    assert len(response.body) == LONG_BYTES
    # Other tests of this stack may have sent requests to a replica.
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
def test_files_have_no_address_by_their_path(stack: Stack, path: str) -> None:
    for headers in ({}, {"X-Accel-Redirect": path}):
        assert stack.buyer.request(path, headers).status == 404


def test_missing_file_is_temporarily_unavailable(
    stack: Stack, links: dict[str, str]
) -> None:
    file = stack.library / "Long" / "Short.bin"
    hidden = file.with_name("Short.part")
    file.rename(hidden)
    try:
        response = stack.buyer.request(links["short"])
    finally:
        hidden.rename(file)
    assert response.status == 503
    assert b"This file is temporarily unavailable" in response.body


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_file_unreadable_to_nginx_is_temporarily_unavailable(
    stack: Stack, links: dict[str, str]
) -> None:
    file = stack.library / "Long" / "Short.bin"
    was = file.stat()
    file.chmod(0o400)
    os.chown(file, IMAGE_USER, -1)
    try:
        response = stack.buyer.request(links["short"])
    finally:
        os.chown(file, was.st_uid, -1)
        file.chmod(was.st_mode)
    assert response.status == 503
    assert response.headers["server"] == "nginx"
    assert stack.buyer.request(links["short"]).status == 200


def test_client_without_the_edge_gets_the_bytes(
    stack: Stack, links: dict[str, str]
) -> None:
    app = stack.project.containers("app")[0]
    script = (
        "import sys, urllib.request as r\n"
        "a = r.urlopen('http://127.0.0.1:8000' + sys.argv[1])\n"
        "print(a.headers['X-Accel-Redirect'], len(a.read()))"
    )
    output = docker("exec", app, "python", "-c", script, links["short"])
    assert output.split() == ["None", "5"]
