# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refusals by pebble, rate limits, clocks, and an authority that is away."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from msrv.acme.renewal import MAX_PAUSE
from msrv.acme.worker import CertificateWorker
from tests.acme.faulty_proxy import FaultyProxy, Response, problem
from tests.acme.pebble_server import Pebble
from tests.acme.requesting import NAME, Requester, answering
from tests.polling import wait_until


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


async def test_failures_of_a_store_without_plain_http_are_seen_by_commands(
    requester: Requester,
) -> None:
    """They ask for the state by the settings, which have both challenges."""
    both = requester.manager(challenges=("http-01", "tls-alpn-01"))
    worker = CertificateWorker(both.rules, requester.state)
    worker.use_tls_only()
    async with worker:
        await wait_until(lambda: worker.status.failures)
    assert worker.status.problem
    found = both.status()
    assert (found.failures, found.problem) == (1, worker.status.problem)
    # HTTP-01, which the command tries first, is answered here.
    assert both.update(force=True).problem is None
    assert CertificateWorker(both.rules, requester.state).status.failures == 0


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
