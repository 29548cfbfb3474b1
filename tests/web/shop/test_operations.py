# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes for operators, and what every response has."""

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from msrv import settings as settings_room
from msrv.orders import pricing
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore

JSON = {"Accept": "application/json"}


async def test_draining_store_is_healthy_and_not_ready(
    store: Client,
) -> None:
    assert (await store.get("/-/health")).status == 200
    answer = await store.get("/-/ready")
    assert (answer.status, await answer.json()) == (200, {"status": "ready"})
    assert isinstance(store.app, web.Application)
    store.app[STORE].metrics.draining = True
    answer = await store.get("/-/ready")
    assert (answer.status, await answer.json()) == (
        503,
        {"status": "draining"},
    )
    assert answer.headers["Connection"] == "close"


async def test_edge_page_shows_the_received_headers(store: Client) -> None:
    bare = await (await store.get("/-/edge")).text()
    assert bare == (
        "It's easier to ask forgiveness than it is to get permission.\n"
        "X-Forwarded-For: None\nX-Real-IP: None\nX-Forwarded-Proto: None\n"
    )
    answer = await store.get(
        "/-/edge",
        headers={
            "X-Forwarded-For": "198.51.100.1",
            "X-Real-IP": "198.51.100.1",
            "X-Forwarded-Proto": "https",
        },
    )
    assert answer.content_type == "text/plain"
    assert (await answer.text()).splitlines()[1:] == [
        "X-Forwarded-For: 198.51.100.1",
        "X-Real-IP: 198.51.100.1",
        "X-Forwarded-Proto: https",
    ]


async def test_metrics_have_route_names_and_no_tokens(
    store: Client,
) -> None:
    await store.get("/download/secret-pop/secret-poe/departure")
    await store.get("/nowhere/at/all")
    answer = await store.get("/-/metrics")
    text = await answer.text()
    assert (
        'msrv_requests_total{method="GET",route="download",status="404"} 1.0'
        in text
    )
    assert 'route="none"' in text
    assert "msrv_open_downloads 0.0" in text
    assert "msrv_request_seconds_bucket" in text
    assert "secret" not in text
    assert "nowhere" not in text


async def test_what_may_not_have_been_read_yet_is_not_denied(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a start from the stored catalog, something has changed since."""
    catalog = store.app[STORE].catalog
    form = {"item": "new-release", "provider": "demo"}
    with monkeypatch.context() as patch:
        reading = replace(catalog.reading, withholds=True)
        patch.setattr(catalog, "_reading", reading)
        for answer in (
            await store.get("/catalog/new-release"),
            await store.post("/purchases", data=form),
            await store.get("/-/ready"),
        ):
            assert answer.status == 503
        assert (await store.get("/catalog/new-release")).headers["Retry-After"]
        assert (await store.get("/catalog")).status == 200
    assert (await store.get("/catalog/new-release")).status == 404
    assert (await store.post("/purchases", data=form)).status == 422
    assert (await store.get("/-/ready")).status == 200


async def test_library_that_is_read_meanwhile_denies_nothing(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order is priced, and then the library has been read."""
    catalog = store.app[STORE].catalog
    loaded = catalog.reading

    def find_offered(*_: object) -> None:
        asyncio.get_running_loop().call_soon(
            setattr, catalog, "_reading", loaded
        )

    monkeypatch.setattr(catalog, "_reading", replace(loaded, withholds=True))
    monkeypatch.setattr(pricing, "find_offered", find_offered)
    form = {"item": "departure", "provider": "demo"}
    answer = await store.post("/purchases", data=form)
    assert answer.status == 503
    assert catalog.reading is loaded


async def test_metrics_have_the_status_of_a_redirect(store: Client) -> None:
    answer = await store.post(
        "/cart", data={"add": "departure"}, allow_redirects=False
    )
    assert answer.status == 303
    text = await (await store.get("/-/metrics")).text()
    assert (
        'msrv_requests_total{method="POST",route="cart-change",status="303"}'
        in text
    )


async def test_metrics_are_hidden_from_visitors(
    start_store: StartStore, settings: Settings
) -> None:
    trusting = settings.model_copy(
        update={
            "trusted_proxies": settings_room.load(
                {"MSRV_TRUSTED_PROXIES": "127.0.0.1"}
            ).trusted_proxies
        }
    )
    store = await start_store(trusting)
    visitor = {"X-Forwarded-For": "198.51.100.1"}
    assert (await store.get("/-/metrics", headers=visitor)).status == 404
    assert (await store.get("/-/metrics")).status == 200


@pytest.mark.parametrize(
    "client",
    ["127.0.0.1", "203.0.113.5", "203.0.113.5:50123", "unknown", "[::1]x"],
)
async def test_metrics_are_hidden_from_unknown_clients(
    start_store: StartStore, settings: Settings, client: str
) -> None:
    """Some proxies write addresses with ports, or `unknown`."""
    trusted = settings_room.load({"MSRV_TRUSTED_PROXIES": "127.0.0.1"})
    update = {"trusted_proxies": trusted.trusted_proxies}
    store = await start_store(settings.model_copy(update=update))
    visitor = {"X-Forwarded-For": client}
    assert (await store.get("/-/metrics", headers=visitor)).status == 404


@pytest.mark.parametrize(
    "sent",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "203.0.113.5"},
        {"Via": "1.1 caddy"},
    ],
)
async def test_metrics_are_hidden_behind_an_untrusted_local_proxy(
    store: Client, sent: dict[str, str]
) -> None:
    assert (await store.get("/-/metrics")).status == 200
    assert (await store.get("/-/metrics", headers=sent)).status == 404


@pytest.mark.parametrize("path", ["/-/health", "/-/ready", "/-/metrics"])
async def test_operations_refuse_the_host_names_of_other_sites(
    store: Client, path: str
) -> None:
    """A page whose name is rebound to this machine reads no figures."""
    foreign = {"Host": "evil.example"}
    assert (await store.get(path, headers=foreign)).status == 421
    for host in ("app:8000", "192.0.2.7", "[2001:db8::1]:8000"):
        answer = await store.get(path, headers={"Host": host})
        assert answer.status == 200


async def test_receipt_address_never_has_an_unknown_host(
    store: Client,
) -> None:
    answer = await store.get("/", headers={"Host": "203.0.113.5"})
    assert answer.status == 421


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/catalog", 405),
        ("POST", "/purchases", 422),
        ("GET", "/static/store.css", 200),
        ("GET", "/download/a/b/c", 404),
        ("GET", "/-/health", 200),
    ],
)
async def test_every_response_has_the_security_headers(
    store: Client, method: str, path: str, status: int
) -> None:
    answer = await store.request(method, path)
    assert answer.status == status
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["Server"] == "MSRV"
    assert "Strict-Transport-Security" not in answer.headers


async def test_wrong_method_gets_the_allowed_ones(store: Client) -> None:
    answer = await store.delete("/catalog")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    answer = await store.put("/cart")
    assert answer.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("", 200, "text/html"),
        ("*/*", 200, "text/html"),
        ("text/*", 200, "text/html"),
        ("application/json", 200, "application/json"),
        ("application/*", 200, "application/json"),
        ("application/json, */*;q=0.5", 200, "application/json"),
        ("text/html,application/json;q=0.9", 200, "text/html"),
        ("application/json;q=0.1, text/html;q=0.2", 200, "text/html"),
        ("text/html;q=0, */*", 200, "application/json"),
        ("APPLICATION/JSON", 200, "application/json"),
        ("image/png", 406, "application/json"),
        ("image/png, complete nonsense", 406, "application/json"),
        # What says nothing that can be read says nothing.
        ("complete nonsense", 200, "text/html"),
        (";;;", 200, "text/html"),
        ("," * 4000, 200, "text/html"),
        ("text/", 200, "text/html"),
        ("*", 200, "text/html"),
        (" * ;q=0.5", 200, "text/html"),
        ("application/json, *;q=0.1", 200, "application/json"),
        ("text/html;q=0, *", 200, "application/json"),
        ("*;q=0", 406, "application/json"),
        ("text/html;q=0, application/json;q=0", 406, "application/json"),
        ("image/png, " * 600 + "text/html", 406, "application/json"),
    ],
    ids=lambda value: str(value)[:32],
)
async def test_accept_header_chooses_html_or_json(
    store: Client, accept: str, status: int, kind: str
) -> None:
    answer = await store.get("/catalog", headers={"Accept": accept})
    assert (answer.status, answer.content_type) == (status, kind)
    assert "Accept" in answer.headers.get("Vary", "Accept")


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "evil@localhost"])
async def test_foreign_host_is_misdirected(store: Client, host: str) -> None:
    answer = await store.get("/", headers={"Host": host})
    assert answer.status == 421
    page = await answer.text()
    assert "MSRV_PUBLIC_URL" in page
    if host:
        assert host not in page
