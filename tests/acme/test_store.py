# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Whole life of a certificate, in running stores with pebble."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from msrv.files import lock_folder
from tests.acme.faulty_proxy import FaultyProxy, problem
from tests.acme.requesting import NAME, Requester
from tests.acme.served_store import Serve, Store, fetch, request
from tests.store_process import START_SECONDS, free_port


def test_first_certificate_is_served_without_a_restart(
    serve: Serve, proxy: FaultyProxy
) -> None:
    """An old connection continues, a new one is trusted; then a renewal."""
    store = serve(MSRV_DOMAIN=f"{NAME}, www.{NAME}")
    assert "waiting for a certificate" in store.log
    store.wait(store.is_certified)
    trust = proxy.pebble.trust()
    with store.connect(trust) as old:
        assert request(old, "/", NAME)[0] == 200
        first = store.certificate().serial_number
        renewal = store.run("certificate", "--renew")
        assert renewal.returncode == 0, renewal.stderr
        store.wait(lambda: store.certificate().serial_number != first)
        assert request(old, "/", NAME)[0] == 200
    with store.connect(trust) as tls, store.connect(trust, f"www.{NAME}"):
        status, _, page = request(tls, "/", NAME)
        assert (status, "<html" in page) == (200, True)
    # The address of the others redirects to the first.
    assert store.get("/catalog?a=%41", f"www.{NAME}")[:2] == (
        308,
        f"https://{NAME}/catalog?a=%41",
    )
    shown = json.loads(store.run("certificate", "--json").stdout)
    assert shown["names"] == [NAME, f"www.{NAME}"]
    assert (shown["failures"], shown["problem"]) == (0, None)
    assert shown["expires_at"] < "2099"


def test_openssls_client_verifies_the_chain(
    serve: Serve, proxy: FaultyProxy, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    store = serve()
    store.wait(store.is_certified)
    roots = tmp_path / "roots.pem"
    url = f"https://localhost:{proxy.pebble.management_port}/roots/0"
    roots.write_text(fetch(url, proxy.pebble.ca), encoding="utf-8")
    found = subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{store.port}",
            "-servername",
            NAME,
            "-verify_hostname",
            NAME,
            "-CAfile",
            str(roots),
            "-verify_return_error",
            "-brief",
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=True,
    )
    assert "Verification: OK" in found.stderr


def test_tls_alone_is_enough(serve: Serve) -> None:
    store = serve(MSRV_ACME_CHALLENGE="tls", MSRV_HTTP_PORT="")
    store.wait(store.is_certified)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", store.http_port), 5).close()


def test_tls_is_used_where_http_is_not_reached(
    serve: Serve, proxy: FaultyProxy
) -> None:
    """Plain HTTP is served at another port than the authority's."""
    store = serve(MSRV_HTTP_PORT=str(free_port()))
    store.wait(store.is_certified)
    assert "http-01 failed" in store.log
    assert proxy.count("/order-plz") == 2


def test_plain_http_redirects_to_the_domain_alone(serve: Serve) -> None:
    store = serve()
    for path, status, location in (
        ("/", 308, f"https://{NAME}/"),
        ("/catalog?a=%41", 308, f"https://{NAME}/catalog?a=%41"),
        ("//evil.example", 308, f"https://{NAME}//evil.example"),
        ("http://evil.example/a", 308, f"https://{NAME}/a"),
        ("/.well-known/acme-challenge/missing", 404, ""),
        ("/.well-known/acme-challenge/..%2f..%2fnonce", 404, ""),
    ):
        assert store.get_plain(path)[:2] == (status, location)
    assert store.get_plain("/", "evil.example")[:2] == (421, "")


def test_replica_that_does_not_ask_answers_and_loads(
    serve: Serve, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """Another process asks; the store can't, and answers by both means."""
    requester = Requester(tmp_path / "data", proxy.ca, proxy.directory)
    descriptor = lock_folder(requester.state.path)
    assert descriptor is not None
    try:
        store = serve()
        # Its worker has looked, and found the folder locked.
        store.wait(lambda: "catalog:" in store.log)
    finally:
        os.close(descriptor)
    for challenges in (("http-01",), ("tls-alpn-01",)):
        manager = requester.manager(NAME, challenges=challenges)
        assert manager.update(force=True).problem is None
        serial = requester.certificate.serial
        store.wait(lambda: store.certificate().serial_number == serial)  # noqa: B023 - awaited at once


def test_of_two_replicas_one_asks(serve: Serve, proxy: FaultyProxy) -> None:
    one = serve()
    other = serve(MSRV_PORT=str(free_port()), MSRV_HTTP_PORT="0")
    one.wait(one.is_certified)
    other.wait(other.is_certified)
    assert proxy.count("/order-plz") == 1
    assert one.certificate() == other.certificate()


def test_store_is_up_while_the_authority_refuses(
    serve: Serve, proxy: FaultyProxy
) -> None:
    proxy.fault = lambda _, path: (
        problem(403, "rejectedIdentifier", "not this one")
        if "order" in path
        else None
    )
    store = serve()
    store.wait(lambda: "doesn't certify this name" in store.log)
    store.wait(lambda: store.get("/")[0] == 200)
    status, _, text = store.get("/-/ready", "127.0.0.1")
    assert status == 200
    assert json.loads(text) == {"status": "degraded", "waiting": "certificate"}
    shown = store.run("certificate")
    assert shown.returncode == 1
    assert "doesn't certify this name" in shown.stdout
    _, _, metrics = store.get("/-/metrics", "127.0.0.1")
    assert "msrv_certificate_failures 1.0" in metrics
    assert "msrv_certificate_expiry_seconds" not in metrics
    # The cause is removed.
    proxy.fault = lambda *_: None
    assert store.run("certificate", "--renew").returncode == 0
    store.wait(store.is_certified)


def test_restarted_store_serves_its_certificate_at_once(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    """A loop of restarts asks for nothing."""
    store = Store(tmp_path / "data", proxy)
    with store.running():
        store.wait(store.is_certified)
        assert store.run("healthcheck").returncode == 0
    serial = store.certificate_on_disk().serial_number
    orders = proxy.count("/order-plz")
    for _ in range(2):
        with store.running():
            assert store.certificate().serial_number == serial
            assert "waiting for a certificate" not in store.log
    assert proxy.count("/order-plz") == orders


def test_damaged_certificate_starts_the_store_and_is_replaced(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    store = Store(tmp_path / "data", proxy)
    folder = tmp_path / "data" / "acme"
    folder.mkdir(parents=True)
    (folder / "certificate.pem").write_bytes(b"half a certif")
    with store.running():
        store.wait(store.is_certified)
        assert f"can't use {folder / 'certificate.pem'}" in store.log


def test_port_in_use_is_named(proxy: FaultyProxy, tmp_path: Path) -> None:
    store = Store(tmp_path / "data", proxy)
    with socket.create_server(("127.0.0.1", store.http_port)):
        found = store.run("serve")
    assert found.returncode != 0
    assert f"MSRV_HTTP_PORT: port {store.http_port} is al" in found.stderr
