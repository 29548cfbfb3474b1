# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to pebble: issue, renewal, refusals, faults and crashes."""

import json
from pathlib import Path

from tests.acme.faulty_proxy import FaultyProxy
from tests.acme.pebble_server import EAB_KEY, EAB_KID, Pebble
from tests.acme.requesting import NAME, Requester, answering


def test_first_certificate_is_issued_for_all_names(
    requester: Requester, proxy: FaultyProxy
) -> None:
    status = requester.manager(NAME, "www.shop.example").update()
    assert status.problem is None
    assert requester.certificate.names == {NAME, "www.shop.example"}
    assert requester.certificate.directory == proxy.directory
    assert status.expires_at == requester.certificate.not_after


def test_key_and_certificate_are_readable_by_their_owner_only(
    requester: Requester,
) -> None:
    requester.manager().update()
    files = [path for path in requester.data.rglob("*") if path.is_file()]
    assert requester.state.certificate in files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    folders = [path for path in requester.data.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_current_certificate_makes_no_request(
    requester: Requester, proxy: FaultyProxy
) -> None:
    requester.manager().update()
    requester.manager().update()
    requests = len(proxy.requests)
    requester.manager().update()
    assert len(proxy.requests) == requests


def test_slow_validation_is_awaited(
    pebble_program: str,  # noqa: ARG001 - skips without it
    tmp_path: Path,
) -> None:
    pebble = Pebble(
        tmp_path / "pebble",
        {"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_VA_SLEEPTIME": "3"},
    )
    pebble.start()
    requester = Requester(tmp_path / "data", pebble.ca, pebble.directory)
    try:
        with answering(requester.state.challenges, pebble.http_port):
            assert requester.manager().update().problem is None
    finally:
        pebble.stop()


def test_external_account_is_bound(
    pebble_program: str,  # noqa: ARG001 - skips without it
    tmp_path: Path,
) -> None:
    pebble = Pebble(tmp_path / "pebble", external_accounts=True).start()
    requester = Requester(tmp_path / "data", pebble.ca, pebble.directory)
    try:
        missing = requester.manager().update().problem
        assert missing
        assert "set MSRV_ACME_EAB_KID and MSRV_ACME_EAB_KEY" in missing
        wrong = requester.manager(external_account=("kid-9", EAB_KEY))
        assert wrong.update().problem
        with answering(requester.state.challenges, pebble.http_port):
            right = requester.manager(external_account=(EAB_KID, EAB_KEY))
            assert right.update().problem is None
    finally:
        pebble.stop()


def test_changed_address_is_sent_to_the_authority(
    requester: Requester, proxy: FaultyProxy
) -> None:
    requester.manager(email="one@shop.example").update()
    manager = requester.manager(email="two@shop.example")
    assert manager.update(force=True).problem is None
    (path,) = (requester.state.path / "accounts").iterdir()
    assert json.loads(path.read_text("utf-8"))["email"] == "two@shop.example"
    assert any("/my-account/" in path for path in proxy.requests)
