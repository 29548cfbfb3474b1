# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of DNS, public address and port, with real servers on loopback."""

import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.health_checks import ports
from msrv.health_checks.findings import CheckContext, Finding, Outcome
from msrv.health_checks.network import check_address, check_dns
from msrv.health_checks.ports import check_ports
from msrv.health_checks.published_keys import Answer, identify_store
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import jwks
from msrv.settings import Settings
from tests.conftest import StartStore
from tests.health_checks.conftest import MakeContext
from tests.store_process import free_port

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL

Serve = Callable[..., Awaitable[TestServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a response at the address of the keys."""
    servers = []

    async def start(
        response: object,
        *,
        status: int = 200,
        tls: ssl.SSLContext | None = None,
    ) -> TestServer:
        async def keys(_: web.Request) -> web.Response:
            if isinstance(response, str):
                return web.Response(text=response, status=status)
            return web.json_response(response, status=status)

        app = web.Application()
        app.router.add_get("/.well-known/jwks.json", keys)
        server = TestServer(app, scheme="https" if tls else "http")
        await server.start_server(ssl=tls)
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the addresses of shop.example, as a DNS server states them."""
    original = socket.getaddrinfo

    def set_addresses(*addresses: str) -> None:
        def lookup(host: str, port: Any, **options: Any) -> Any:  # noqa: ANN401 - socket's own
            if host != "shop.example":
                return original(host, port, **options)
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
                for each in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)

    return set_addresses


def outcomes(findings: object) -> list[Outcome]:
    assert isinstance(findings, (list, tuple))
    for each in findings:
        assert isinstance(each, Finding)
        # Everything that isn't right has a fix, and the rest has none.
        assert bool(each.fix) == (each.outcome is not PASS)
    return [each.outcome for each in findings]


async def test_dns_without_a_public_address(context: MakeContext) -> None:
    (found,) = await check_dns(context())
    assert found.outcome is WARN
    assert "MSRV_PUBLIC_URL is not set" in found.text
    assert await check_address(context()) == []


@pytest.mark.parametrize(
    "url", ["https://localhost:8443", "http://127.0.0.1", "http://[::1]:80"]
)
async def test_dns_of_this_machines_own_names(
    context: MakeContext, url: str
) -> None:
    (found,) = await check_dns(context(public_url=url))
    assert found.outcome is WARN
    assert "only this machine" in found.text


async def test_dns_of_a_name_that_does_not_exist(context: MakeContext) -> None:
    at = context(public_url="https://shop.invalid")
    (found,) = await check_dns(at)
    assert found.outcome is FAIL
    assert "shop.invalid has no address" in found.text
    assert "A record" in found.fix
    assert outcomes(await check_address(at)) == [FAIL]


@pytest.mark.parametrize(
    ("address", "outcome", "text"),
    [
        ("127.0.0.1", FAIL, "no visitor can reach"),
        ("169.254.1.1", FAIL, "no visitor can reach"),
        ("10.1.2.3", WARN, "private network"),
        ("93.184.216.34", WARN, "not an address of this machine"),
    ],
)
async def test_dns_of_addresses(
    context: MakeContext,
    names: Callable[..., None],
    address: str,
    outcome: Outcome,
    text: str,
) -> None:
    names(address)
    (found,) = await check_dns(context(public_url="https://shop.example"))
    assert found.outcome is outcome
    assert text in found.text
    assert found.text.startswith(f"shop.example is {address}")


async def test_every_address_of_a_name_is_checked(
    context: MakeContext,
    names: Callable[..., None],
    serve: Serve,
    keyring: Keyring,
) -> None:
    """An old record beside the right one loses every other visitor."""
    server = await serve(jwks(keyring))
    names("127.0.0.1", "127.0.0.2")
    url = f"http://shop.example:{server.port}"
    found = await check_address(context(public_url=url))
    assert outcomes(found) == [WARN, FAIL]
    assert "without encryption" in found[0].text
    assert f"nothing answers at {url} (127.0.0.2)" in found[1].text


async def test_address_of_a_proxy_on_another_machine_is_a_warning(
    context: MakeContext,
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    (found,) = await check_address(context(public_url=url))
    assert found.outcome is FAIL
    proxies = (ip_network("10.0.0.0/8"),)
    (found,) = await check_address(
        context(public_url=url, trusted_proxies=proxies)
    )
    assert found.outcome is WARN


async def test_address_of_a_running_store(
    start_store: StartStore, settings: Settings, keyring: Keyring
) -> None:
    store = await start_store(settings)
    url = f"http://127.0.0.1:{store.port}"
    at = CheckContext(
        settings=settings.model_copy(update={"public_url": url}),
        keyring=keyring,
    )
    (found,) = await check_address(at)
    assert (
        found.text
        == f"this store answers at {url} (127.0.0.1) without " + ("encryption")
    )


async def test_address_with_a_trusted_certificate(
    context: MakeContext,
    serve: Serve,
    keyring: Keyring,
) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    server = await serve(jwks(keyring), tls=tls)
    url = f"https://localhost:{server.port}"
    untrusted = await identify_store(keyring, url, "127.0.0.1")
    assert untrusted.kind is Answer.UNTRUSTED
    assert "certificate" in untrusted.reason
    (found,) = [
        each
        for each in await check_address(context(public_url=url))
        if "127.0.0.1" in each.text
    ]
    assert found.outcome is FAIL
    assert "is not trusted" in found.text
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    answer = await identify_store(keyring, url, "127.0.0.1", verify=trusting)
    assert answer.kind is Answer.THIS_STORE
    elsewhere = f"https://shop.example:{server.port}"
    wrong_name = await identify_store(
        keyring, elsewhere, "127.0.0.1", verify=trusting
    )
    assert wrong_name.kind is Answer.UNTRUSTED


@pytest.mark.parametrize(
    ("response", "status", "kind"),
    [
        ("<html>", 200, Answer.OTHER_PROGRAM),
        ({"keys": []}, 200, Answer.OTHER_PROGRAM),
        ({"keys": [1]}, 200, Answer.OTHER_PROGRAM),
        ({"keys": [{"kid": "x"}]}, 200, Answer.OTHER_STORE),
        ({"keys": [{"kid": "x"}]}, 503, Answer.OTHER_PROGRAM),
    ],
)
async def test_other_answers(
    serve: Serve, keyring: Keyring, response: object, status: int, kind: Answer
) -> None:
    server = await serve(response, status=status)
    url = f"http://localhost:{server.port}"
    answer = await identify_store(keyring, url, "127.0.0.1")
    assert answer.kind is kind
    # No TLS where it is expected.
    secure = url.replace("http", "https")
    answer = await identify_store(keyring, secure, "127.0.0.1")
    assert answer.kind is Answer.OTHER_PROGRAM


async def test_port_that_is_free(context: MakeContext) -> None:
    port = free_port()
    (found,) = await check_ports(context(port=port))
    assert (found.outcome, found.text) == (
        PASS,
        f"port {port} of 127.0.0.1 is free",
    )


async def test_port_of_this_process(
    settings: Settings, keyring: Keyring
) -> None:
    at = CheckContext(settings=settings, keyring=keyring, serving=True)
    assert outcomes(await check_ports(at)) == [PASS]


async def test_port_of_this_store_another_store_and_another_program(
    context: MakeContext, serve: Serve, keyring: Keyring
) -> None:
    for response, outcome, text in (
        (jwks(keyring), PASS, "this store listens"),
        ({"keys": [{"kid": "x"}]}, FAIL, "another NONCE"),
        ("hello", FAIL, "another program"),
    ):
        server = await serve(response)
        (found,) = await check_ports(context(port=server.port))
        assert found.outcome is outcome
        assert text in found.text


async def test_port_that_needs_a_privilege_is_that_of_who_listens(
    context: MakeContext,
    serve: Serve,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linux refuses a port below 1024 before it looks whether it is in use."""

    def refuse(host: str, port: int) -> None:
        raise PermissionError(errno.EACCES, f"Permission denied {host} {port}")

    monkeypatch.setattr(ports, "_bind", refuse)
    for response, outcome, text in (
        (jwks(keyring), PASS, "this store listens"),
        ({"keys": [{"kid": "x"}]}, FAIL, "another NONCE"),
        ("hello", FAIL, "another program"),
    ):
        server = await serve(response)
        (found,) = await check_ports(context(port=server.port))
        assert found.outcome is outcome
        assert text in found.text
    (found,) = await check_ports(context(port=free_port()))
    assert found.outcome is FAIL
    assert "needs a privilege" in found.text


async def test_port_that_redirects_to_https(
    settings: Settings, keyring: Keyring
) -> None:
    """The port of plain HTTP, as the store serves it."""

    async def redirect(request: web.Request) -> web.Response:
        path = request.rel_url.raw_path_qs
        return web.Response(
            status=308, headers={"Location": f"https://shop.example{path}"}
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", redirect)
    async with TestServer(app) as server:
        for url, outcome in (
            ("https://shop.example", PASS),
            ("https://other.example", FAIL),
        ):
            changed = settings.model_copy(
                update={
                    "port": free_port(),
                    "http_port": server.port,
                    "public_url": url,
                }
            )
            at = CheckContext(settings=changed, keyring=keyring)
            main, plain = await check_ports(at)
            assert main.outcome is PASS
            assert plain.outcome is outcome
    assert "MSRV_HTTP_PORT" in plain.fix


async def test_port_of_an_address_of_another_machine(
    context: MakeContext,
) -> None:
    (found,) = await check_ports(context(host="203.0.113.9", port=free_port()))
    assert found.outcome is FAIL
    assert "MSRV_HOST" in found.fix
