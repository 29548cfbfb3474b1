# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store whose ports systemd has opened, by deploy/systemd/msrv.socket."""

import threading
from collections.abc import Iterator

import pytest

from tests.containers.engine import wait_until
from tests.systemd.installed_service import (
    Service,
    find_commands,
    find_service,
    find_step,
    prepare,
    use_development_certificate,
)
from tests.systemd.machine import Machine


@pytest.fixture(scope="module")
def service(machine: Machine) -> Iterator[Service]:
    """Service with sockets and without a privilege, as the manual says."""
    prepare(machine, "MSRV_DRAIN_SECONDS=2\n")
    use_development_certificate(machine)
    machine.sh(find_step("Start it"))
    machine.run("mkdir", "-p", "/etc/systemd/system/msrv.service.d")
    machine.write(
        "/etc/systemd/system/msrv.service.d/unprivileged.conf",
        find_commands("PrivateUsers=yes"),
    )
    machine.sh(find_commands("msrv.socket"))
    yield find_service(machine)
    machine.run("systemctl", "stop", "msrv.socket", "msrv.service")


class Visitor(threading.Thread):
    """Visitor who opens one connection after another until told to stop."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._stopped = threading.Event()
        self.answered = 0
        self.errors: list[str] = []

    def run(self) -> None:
        """Request the front page again and again."""
        while not self._stopped.is_set():
            try:
                status = self._service.buyer.request("/-/health").status
            except OSError as error:
                self.errors.append(repr(error))
                continue
            if status == 200:
                self.answered += 1

    def stop(self) -> None:
        """Stop, and wait for the last answer."""
        self._stopped.set()
        self.join()


def test_store_with_sockets_has_no_capability(service: Service) -> None:
    machine, buyer = service
    process = machine.property("MainPID")
    status = machine.run("cat", f"/proc/{process}/status").stdout
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t0000000000000000\n" in status
    item = buyer.catalog_ids()[-1]
    assert buyer.request(buyer.buy(item)[item]).status == 200
    preview = buyer.catalog_ids()[1]
    assert buyer.request(f"/previews/{preview}").status == 200


def test_visitors_wait_while_the_store_restarts(service: Service) -> None:
    """Nobody's connection is refused."""
    machine = service.machine
    visitor = Visitor(service)
    visitor.start()
    try:
        wait_until(lambda: visitor.answered > 0, "a visitor is answered")
        before = machine.property("MainPID")
        machine.run("systemctl", "restart", "msrv.service")
        assert machine.property("MainPID") != before
        answered = visitor.answered
        wait_until(lambda: visitor.answered > answered, "and again")
    finally:
        visitor.stop()
    assert visitor.errors == []


def test_connections_wait_for_a_store_that_was_killed(
    service: Service,
) -> None:
    machine, buyer = service
    before = machine.property("MainPID")
    machine.run("kill", "-KILL", before)
    # No retry: the connection waits until the store runs again.
    assert buyer.request("/-/health").status == 200
    assert machine.property("MainPID") != before


def test_port_without_a_setting_is_named(service: Service) -> None:
    assert (
        "systemd listens on port 80, which no setting uses"
        in service.machine.journal()
    )
