# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to pebble: issue, renewal, refusals, faults and crashes."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from msrv.acme import client
from msrv.acme.manager import CertificateManager
from msrv.acme.renewal import MAX_PAUSE
from msrv.files import lock_folder
from tests.acme.faulty_proxy import FaultyProxy, Response, problem
from tests.acme.pebble_server import EAB_KEY, EAB_KID, Pebble
from tests.acme.requesting import Requester, answering
from tests.store_process import ROOT

NAME = "shop.example"


@pytest.fixture
def requester(proxy: FaultyProxy, tmp_path: Path) -> Iterator[Requester]:
    """Data folder whose HTTP-01 challenges are answered."""
    made = Requester(tmp_path / "data", proxy.ca, proxy.directory)
    with answering(made.state.challenges, proxy.pebble.http_port):
        yield made


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


def test_certificate_is_renewed_at_two_thirds_with_a_new_key(
    requester: Requester, proxy: FaultyProxy
) -> None:
    manager = requester.manager()
    manager.update()
    first, content = requester.certificate, requester.state.certificate
    before = content.read_bytes()
    due = first.not_before + (first.not_after - first.not_before) * 2 / 3
    requester.clock.now = due - timedelta(minutes=1)
    manager.update()
    assert requester.certificate == first
    requester.clock.now = due + timedelta(minutes=1)
    manager.update()
    assert requester.certificate.serial != first.serial
    key, end, _ = before.partition(b"END PRIVATE KEY")
    assert end
    assert not content.read_bytes().startswith(key)
    # The account was registered once.
    assert proxy.count("/sign-me-up") == 1
    accounts = list((requester.state.path / "accounts").iterdir())
    assert len(accounts) == 1


def test_certificate_is_renewed_in_the_authoritys_window(
    requester: Requester, proxy: FaultyProxy
) -> None:
    """The certificate is revoked soon, and the authority says so early."""
    now = datetime.now(UTC)
    proxy.renewal_info = window(now + timedelta(days=30))
    manager = requester.manager()
    manager.update()
    first = requester.certificate
    status = manager.update()
    assert status.next_at is not None
    assert now < status.next_at - timedelta(days=30) < now + timedelta(days=3)
    proxy.renewal_info = window(now - timedelta(days=3))
    requester.clock.now = now + timedelta(hours=3)
    manager.update()
    assert requester.certificate == first, "the interval of 6 h isn't over"
    requester.clock.now = now + timedelta(hours=7)
    manager.update()
    assert requester.certificate.serial != first.serial


def test_replaced_certificate_is_named_unless_the_authority_refuses(
    requester: Requester, proxy: FaultyProxy
) -> None:
    """RFC 9773, section 5: `replaces`, and its problem alreadyReplaced."""
    proxy.renewal_info = window(datetime.now(UTC) + timedelta(days=30))
    manager = requester.manager()
    manager.update()
    first = requester.certificate
    refusals = [problem(409, "alreadyReplaced", "by another order")]
    proxy.fault = lambda _, path: (
        refusals.pop() if refusals and path.endswith("/order-plz") else None
    )
    assert manager.update(force=True).problem is None
    assert not refusals
    assert requester.certificate.serial != first.serial


def test_silent_authority_is_given_up(
    requester: Requester,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "REQUEST_SECONDS", 1)
    proxy.fault = lambda *_: time.sleep(3)
    found = requester.manager().update().problem
    assert found
    assert "no answer within 1 s" in found


def window(start: datetime) -> dict[str, dict[str, str]]:
    """Return renewal information with a window of two days."""
    end = start + timedelta(days=2)
    return {
        "suggestedWindow": {
            "start": start.isoformat(timespec="seconds"),
            "end": end.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
    }


@pytest.mark.parametrize(
    "answer",
    [
        Response(404, b"not here", "text/plain"),
        Response(200, b"<html>", "text/html"),
        Response(200, b"[]", "application/json"),
        Response(200, b"{}", "application/json"),
        Response(
            200, b'{"suggestedWindow": {"start": 1}}', "application/json"
        ),
        Response(503, b"", "text/plain"),
    ],
)
def test_missing_renewal_information_leaves_the_time_at_two_thirds(
    requester: Requester, proxy: FaultyProxy, answer: Response
) -> None:
    proxy.renewal_info = window(datetime.now(UTC))
    proxy.fault = lambda _, path: answer if "renewal-info" in path else None
    manager = requester.manager()
    manager.update()
    first = requester.certificate
    status = manager.update()
    due = first.not_before + (first.not_after - first.not_before) * 2 / 3
    assert status.next_at == due
    requests = len(proxy.requests)
    manager.update()
    assert len(proxy.requests) == requests, "not at each look"


def test_another_name_requests_another_certificate(
    requester: Requester,
) -> None:
    requester.manager(NAME).update()
    requester.manager(NAME, "new.example").update()
    assert requester.certificate.names == {NAME, "new.example"}


def test_replicas_with_other_settings_do_not_replace_each_other_at_every_look(
    requester: Requester, proxy: FaultyProxy
) -> None:
    one, other = requester.manager("a.example"), requester.manager("b.example")
    requester.clock.now = now = datetime.now(UTC)
    for minutes in range(5):
        requester.clock.now = now + timedelta(minutes=minutes)
        one.update()
        other.update()
    assert proxy.count("/order-plz") == 2
    requester.clock.now = now + timedelta(hours=2)
    one.update()
    assert requester.certificate.names == {"a.example"}


def test_refused_name_is_reported_and_pauses(
    requester: Requester, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    status = requester.manager("blocked.example").update()
    assert status.problem
    assert "doesn't certify this name" in status.problem
    assert "blocked.example" in status.problem
    assert status.failures == 1
    (line,) = [each for each in caplog.records if each.levelno > logging.INFO]
    assert "\n" not in line.getMessage()
    requests = len(proxy.requests)
    requester.manager("blocked.example").update()
    assert len(proxy.requests) == requests, "the pause outlives the process"
    # Other settings are another request.
    assert requester.manager(NAME).update().problem is None


def test_refusal_keeps_the_old_certificate(
    requester: Requester, proxy: FaultyProxy
) -> None:
    manager = requester.manager()
    manager.update()
    before = requester.state.certificate.read_bytes()
    requester.clock.now = requester.certificate.not_after + timedelta(days=9)
    proxy.fault = lambda *_: problem(500, "serverInternal", "down")
    status = manager.update()
    assert status.problem
    assert requester.state.certificate.read_bytes() == before
    proxy.fault = lambda *_: None
    requester.clock.now += timedelta(hours=2)
    assert manager.update().problem is None
    assert requester.state.certificate.read_bytes() != before


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (problem(500, "serverInternal", "oops"), "answered with status 500"),
        (Response(502, b"<html>", "text/html"), "answered with status 502"),
        (Response(200, b"<html>", "text/html"), "isn't ACME (text/html)"),
        (Response(200, b"[1]", "application/json"), "isn't ACME"),
        (Response(200, b"{", "application/json"), "isn't ACME"),
        (Response(200, b"{}", "application/json"), "isn't an ACME directory"),
        (Response(404, b"", "text/plain"), "answered with status 404"),
        (Response(404, b"null", "application/json"), "answered with status"),
    ],
)
def test_directory_that_is_none_is_reported_in_one_line(
    requester: Requester, proxy: FaultyProxy, answer: Response, words: str
) -> None:
    proxy.fault = lambda _, path: answer if path == "/dir" else None
    problem_ = requester.manager().update().problem
    assert problem_
    assert words in problem_
    assert "\n" not in problem_


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("caa", "a CAA record of the domain"),
        ("dns", "check its A and AAAA"),
        ("userActionRequired", "terms of service"),
        ("externalAccountRequired", "MSRV_ACME_EAB_KID"),
        ("invalidContact", "MSRV_ACME_EMAIL"),
        ("newKindOfProblem", "newKindOfProblem"),
    ],
)
def test_refusal_names_its_cause(
    requester: Requester, proxy: FaultyProxy, code: str, words: str
) -> None:
    refusal = problem(403, code, "in the \x1b[31m\nauthority's\u202e words")
    proxy.fault = lambda _, path: refusal if "order" in path else None
    found = requester.manager().update().problem
    assert found
    assert words in found
    assert "authority's" in found
    assert found.isprintable()


def test_rate_limit_waits_as_long_as_the_authority_says(
    requester: Requester, proxy: FaultyProxy
) -> None:
    requester.clock.now = now = datetime.now(UTC).replace(microsecond=0)
    limit = problem(429, "rateLimited", "too many", Retry_After="86400")
    proxy.fault = lambda _, path: limit if "order" in path else None
    status = requester.manager().update()
    assert status.problem
    assert "rate limit" in status.problem
    assert status.next_at == now + timedelta(days=1)
    proxy.fault = lambda *_: None
    requester.clock.now = now + timedelta(hours=23)
    assert requester.manager().update().problem
    requester.clock.now = now + timedelta(hours=25)
    assert requester.manager().update().problem is None


def test_absurd_retry_after_is_limited(
    requester: Requester, proxy: FaultyProxy
) -> None:
    requester.clock.now = now = datetime.now(UTC).replace(microsecond=0)
    limit = problem(429, "rateLimited", "", Retry_After="9" * 30)
    proxy.fault = lambda _, path: limit if "order" in path else None
    assert requester.manager().update().next_at == now + MAX_PAUSE


def test_clock_that_is_set_back_ends_the_pause(
    requester: Requester, proxy: FaultyProxy
) -> None:
    """The failure is then in the future, and so is its next attempt."""
    requester.clock.now = datetime.now(UTC) + timedelta(days=3650)
    proxy.fault = lambda *_: problem(500, "serverInternal", "down")
    requester.manager().update()
    proxy.fault = lambda *_: None
    requester.clock.now = now = datetime.now(UTC)
    status = requester.manager().update()
    assert status.next_at is not None
    assert status.next_at <= now + timedelta(hours=1)
    requester.clock.now = now + timedelta(hours=1)
    assert requester.manager().update().problem is None


def test_clock_before_this_program_requests_nothing(
    requester: Requester, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    requester.clock.now = datetime(1970, 1, 1, tzinfo=UTC)
    manager = requester.manager()
    for _ in range(3):
        manager.update()
    assert not proxy.requests
    lines = [each for each in caplog.records if "clock" in each.getMessage()]
    assert len(lines) == 1


def test_expired_certificate_is_replaced_and_logged(
    requester: Requester, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    manager = requester.manager()
    manager.update()
    first = requester.certificate
    requester.clock.now = first.not_after + timedelta(minutes=1)
    proxy.fault = lambda *_: problem(503, "serverInternal", "down")
    manager.update()
    requester.clock.now += timedelta(seconds=5)
    manager.update()
    assert "expired on" in caplog.text
    proxy.fault = lambda *_: None
    requester.clock.now += timedelta(hours=2)
    manager.update()
    assert requester.certificate.serial != first.serial


def test_unreachable_authority_is_asked_again(
    pebble_program: str,  # noqa: ARG001 - skips without it
    tmp_path: Path,
) -> None:
    """Pebble forgets its accounts when it is stopped."""
    pebble = Pebble(tmp_path / "pebble", {"PEBBLE_WFE_NONCEREJECT": "50"})
    pebble.start()
    requester = Requester(tmp_path / "data", pebble.ca, pebble.directory)
    try:
        with answering(requester.state.challenges, pebble.http_port):
            manager = requester.manager()
            manager.update()
            first = requester.certificate
            pebble.stop()
            status = manager.update(force=True)
            assert status.problem
            assert "can't be reached: Connection refused" in status.problem
            assert requester.certificate == first
            pebble.start()
            assert manager.update(force=True).problem is None
            assert requester.certificate.serial != first.serial
    finally:
        pebble.stop()


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


def test_untrusted_authority_is_reported(
    requester: Requester,
) -> None:
    found = requester.manager(ca=None).update().problem
    assert found
    assert "its certificate isn't trusted" in found


def test_unanswered_challenge_is_reported(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    requester = Requester(tmp_path / "data", proxy.ca, proxy.directory)
    found = requester.manager().update().problem
    assert found
    assert NAME in found
    assert not list((requester.state.path / "challenges" / "http").iterdir())


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
