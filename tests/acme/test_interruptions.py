# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to pebble that a full disk, a kill or a stop interrupts."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from msrv.acme.manager import CertificateManager
from msrv.files import lock_folder
from tests.acme.faulty_proxy import FaultyProxy
from tests.acme.requesting import NAME, Requester
from tests.store_process import ROOT


def test_order_that_a_full_disk_interrupts_is_continued(
    requester: Requester, proxy: FaultyProxy
) -> None:
    """The certificate is issued, and can't be written: it isn't lost."""
    requester.state.certificate.mkdir()
    found = requester.manager().update().problem
    assert found
    assert "can't write" in found
    requester.state.certificate.rmdir()
    orders = proxy.count("/order-plz")
    assert requester.manager().update(force=True).problem is None
    assert proxy.count("/order-plz") == orders
    # The next renewal is another order.
    first = requester.certificate
    requester.manager().update(force=True)
    assert requester.certificate.serial != first.serial


def test_attempt_that_cannot_be_recorded_is_not_made(
    requester: Requester, proxy: FaultyProxy
) -> None:
    """A full disk would otherwise cost an order a minute."""
    manager = requester.manager()
    name = f"{manager.rules.request_id}.json"
    progress = requester.state.path / "progress" / name
    progress.mkdir()
    (progress / "file").touch()
    with pytest.raises(OSError, match="directory"):
        manager.update()
    assert not proxy.requests


def test_order_of_a_killed_process_is_continued(
    requester: Requester, proxy: FaultyProxy
) -> None:
    reached = Event()

    def hang(_: str, path: str) -> None:
        if "/finalize-order/" in path:
            reached.set()
            time.sleep(60)

    proxy.fault = hang
    process = subprocess.Popen(
        [sys.executable, "-m", "msrv", "certificate", "--renew"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "MSRV_DATA": str(requester.data),
            "MSRV_DOMAIN": NAME,
            "MSRV_ACME_DIRECTORY": proxy.directory,
            "MSRV_ACME_CA": str(proxy.ca),
            "MSRV_ACME_CHALLENGE": "http",
        },
    )
    assert reached.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    proxy.fault = lambda *_: None
    orders = proxy.count("/order-plz")
    status = requester.manager().update()
    assert status.problem
    assert "hasn't finished" in status.problem, "a loop of crashes is slow"
    requester.clock.now = datetime.now(UTC) + timedelta(minutes=5)
    assert requester.manager().update().problem is None
    assert proxy.count("/order-plz") == orders
    assert requester.certificate.names == {NAME}


def test_damaged_certificate_is_requested_again(
    requester: Requester, caplog: pytest.LogCaptureFixture
) -> None:
    requester.manager().update()
    path = requester.state.certificate
    path.write_bytes(path.read_bytes()[:-300])
    requester.manager().update()
    assert f"can't use {path}" in caplog.text
    assert requester.certificate.names == {NAME}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": 1}'])
def test_damaged_state_is_replaced(
    requester: Requester, content: bytes
) -> None:
    requester.manager().update()
    first = requester.certificate
    for path in requester.state.path.rglob("*.json"):
        path.write_bytes(content)
    (requester.state.path / "order.json").write_bytes(content)
    assert requester.manager().update(force=True).problem is None
    assert requester.certificate.serial != first.serial


def test_locked_folder_is_left_to_its_owner(
    requester: Requester, proxy: FaultyProxy
) -> None:
    descriptor = lock_folder(requester.state.path)
    assert descriptor is not None
    try:
        status = requester.manager().update()
    finally:
        os.close(descriptor)
    assert status.is_missing
    assert not proxy.requests


def test_stopped_manager_ends_its_request(
    requester: Requester, proxy: FaultyProxy
) -> None:
    manager = requester.manager()
    assert isinstance(manager, CertificateManager)

    def stop(_: str, path: str) -> None:
        if "/authZ/" in path:
            manager._stopped.set()

    proxy.fault = stop
    with pytest.raises(Exception, match="stopping"):
        manager.update()
    # Nothing failed: the order is continued at the next start.
    proxy.fault = lambda *_: None
    orders = proxy.count("/order-plz")
    assert requester.manager().update().problem is None
    assert proxy.count("/order-plz") == orders
