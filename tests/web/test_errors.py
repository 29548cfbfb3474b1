# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages and their JSON."""

import ast
import asyncio
import contextlib
import http.client
import re
from pathlib import Path

import pytest
from aiohttp import web

from msrv.settings import Settings
from msrv.web import errors
from msrv.web.errors import access, redemption
from msrv.web.errors.table import TABLE
from msrv.web.metrics import RequestMetrics
from msrv.web.store import STORE
from tests.conftest import Client, StartStore

PAGES = Path(errors.__file__).parents[1]
DOCUMENT = Path(__file__).parents[2] / "docs" / "http.md"


def codes_in_source() -> set[tuple[int, str]]:
    """Return each status and code of an ErrorPage in the source.

    Some are written out, and some are rows of a table.
    """
    found = set()
    for path in PAGES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name("ErrorPage"),
                    args=[
                        ast.Constant(int(status)),
                        ast.Constant(str(code)),
                        *_,
                    ],
                ):
                    found.add((status, code))
                case ast.Tuple(
                    elts=[
                        ast.Constant(int(status)),
                        ast.Constant(str(code)),
                        *_,
                    ]
                ) if status in range(400, 600):
                    found.add((status, code))
    return found


def test_every_error_code_is_documented() -> None:
    text = DOCUMENT.read_text("utf-8").partition("\n## Errors\n")[2]
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", text, re.MULTILINE)
    documented = [
        (int(status), code)
        for status, codes in rows
        for code in re.findall(r"`(\w+)`", codes)
    ]
    assert {code for _, code in codes_in_source()} >= {"incident", "code_used"}
    assert set(documented) == codes_in_source()
    assert len(documented) == len(set(documented))
    statuses = [status for status, _ in documented]
    assert statuses == sorted(statuses)


def test_messages_are_polite_sentences() -> None:
    entries = [
        *TABLE.values(),
        *redemption.REDEMPTION.values(),
        *access.STATUSES.values(),
    ]
    for entry in entries:
        if isinstance(entry, errors.ErrorPage):
            words = f"{entry.title} {entry.message}"
            assert "!" not in words
            assert not re.search(
                r"\b(oops|invalid|error)\b", words, re.IGNORECASE
            )
            assert entry.message.endswith(".")


async def test_unexpected_error_shows_only_its_reference(
    store: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The traceback is in the log, under the same reference."""

    def break_down(*_: object) -> object:
        raise RuntimeError("a secret detail")

    assert isinstance(store.app, web.Application)
    monkeypatch.setattr(
        type(store.app[STORE].catalog), "current", property(break_down)
    )
    answer = await store.get(
        "/catalog", headers={"Accept": "application/json"}
    )
    assert answer.status == 500
    told = await answer.json()
    assert "secret" not in str(told)
    assert told["incident"] in told["message"]
    record = next(
        each for each in caplog.records if told["incident"] in each.message
    )
    assert record.exc_info
    assert "X-Content-Type-Options" in answer.headers


async def test_pages_are_503_while_the_library_is_being_read(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.app[STORE].catalog, "_reading", None)
    for path in ("/", "/catalog", "/cart"):
        answer = await store.get(path)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "2"
        assert "starting up" in await answer.text()
    ready = await store.get("/-/ready")
    assert (ready.status, await ready.json()) == (503, {"status": "stocking"})
    assert (await store.get("/-/health")).status == 200
    assert (await store.get("/theme.css")).status == 200


async def test_metrics_are_idle_after_the_last_request() -> None:
    traffic = RequestMetrics()
    await traffic.wait_until_idle()
    traffic.start_request()
    traffic.start_request()
    traffic.finish_request()
    assert not traffic._idle.is_set()
    traffic.finish_request()
    await traffic.wait_until_idle()


async def test_checkout_without_a_provider_is_503(
    start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(
        settings.model_copy(update={"demo_payments": False})
    )
    await store.post("/cart", data={"add": "departure"})
    assert (
        "can't take payments yet"
        in await (await store.get("/checkout")).text()
    )
    answer = await store.post("/purchases", data={"item": "departure"})
    assert answer.status == 503
    assert "Your cart is saved" in await answer.text()
    free = await store.post(
        "/purchases", data={"item": "zine"}, allow_redirects=False
    )
    assert free.status == 303


@pytest.mark.parametrize("expected", [b"\xff", b"x-wanted", b"a" * 4000])
async def test_expectation_is_refused_after_the_host_was_checked(
    store: Client, expected: bytes
) -> None:
    """aiohttp would repeat it, under any host name, or fail."""
    assert store.port

    def send(host: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", store.port)
        with contextlib.closing(connection):
            connection.putrequest("GET", "/", skip_host=True)
            connection.putheader("Host", host)
            connection.putheader("Expect", expected)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read()

    status, page = await asyncio.to_thread(send, b"127.0.0.1")
    assert status == 417
    assert expected not in page
    status, _ = await asyncio.to_thread(send, b"evil.example")
    assert status == 421
