# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Service with nothing but MSRV_DOMAIN, and pebble as its authority."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acme import pebble_server
from tests.acme.pebble_server import Pebble
from tests.containers.engine import wait_until
from tests.optional_programs import require
from tests.systemd.installed_service import (
    DOMAIN,
    Service,
    find_step,
    prepare,
)
from tests.systemd.machine import Machine, MachineBuyer


@pytest.fixture(scope="module")
def pebble(
    machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Pebble:
    """Pebble on the machine, which validates on ports 80 and 443."""
    require(
        "pebble",
        available=bool(pebble_server.find()),
        reason="pebble is not installed",
    )
    found = Pebble(
        tmp_path_factory.mktemp("pebble"), http_port=80, tls_port=443
    )
    found.write_files()
    machine.run("mkdir", "-p", str(found.folder))
    for path in found.folder.iterdir():
        machine.write(str(path), path.read_text("utf-8"))
    for program, *options in found.commands():
        machine.run(
            "systemd-run", f"--unit={program}", "--setenv=PEBBLE_VA_NOSLEEP=1",
            program, *options,
        )  # fmt: skip
    return found


def get(machine: Machine, pebble: Pebble, path: str) -> str:
    """Request a path of pebble's management, on the machine."""
    url = f"https://localhost:{pebble.management_port}{path}"
    return machine.run(
        "curl", "--silent", "--retry", "30", "--retry-connrefused",
        "--cacert", str(pebble.ca), url,
    ).stdout  # fmt: skip


@pytest.fixture(scope="module")
def service(machine: Machine, pebble: Pebble) -> Iterator[Service]:
    """Service of the manual's settings, and the address of this authority."""
    root = get(machine, pebble, "/roots/0")
    machine.run("mkdir", "-p", "/etc/msrv")
    machine.sh(f"install -m 0644 {pebble.ca} /etc/msrv/pebble.pem")
    prepare(
        machine,
        f"MSRV_ACME_DIRECTORY={pebble.directory}\n"
        "MSRV_ACME_CA=/etc/msrv/pebble.pem\n",
    )
    machine.sh(find_step("Start it"))
    tls = ssl.create_default_context(cadata=root)
    yield Service(machine, MachineBuyer(443, tls, DOMAIN, machine))
    machine.run("systemctl", "stop", "msrv")


def served_certificate(service: Service) -> bytes:
    """Return the certificate that visitors get, which they trust."""
    connection = service.buyer.connect()
    with closing(connection):
        assert isinstance(connection.sock, ssl.SSLSocket)
        found = connection.sock.getpeercert(binary_form=True)
    assert found
    return found


def test_store_sells_with_a_certificate_of_its_own(service: Service) -> None:
    service.wait_until_ready()
    buyer = service.buyer
    item = buyer.catalog_ids()[-1]
    assert buyer.request(buyer.buy(item)[item]).status == 200


def test_plain_http_redirects(service: Service) -> None:
    service.wait_until_ready()
    plain = http.client.HTTPConnection(DOMAIN, timeout=60)
    plain.sock = service.machine.connect(80)
    with closing(plain):
        plain.request("GET", "/catalog")
        response = plain.getresponse()
        assert response.status == 308
        assert response.getheader("Location") == f"https://{DOMAIN}/catalog"


def test_certificate_is_kept_over_a_restart(service: Service) -> None:
    service.wait_until_ready()
    before = served_certificate(service)
    service.machine.run("systemctl", "restart", "msrv")
    wait_until(service.buyer.is_ready, "the store can sell")
    assert served_certificate(service) == before
    folder = Path("/var/lib/private/msrv/acme")
    modes = service.machine.sh(f"find {folder} -type f -printf '%m\n'")
    assert set(modes.split()) == {"600"}
