# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Renewals of a certificate by pebble, in time."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from msrv.acme import client
from tests.acme.faulty_proxy import FaultyProxy, Response, problem
from tests.acme.requesting import NAME, Requester


def test_certificate_is_renewed_at_two_thirds_with_a_new_key(
    requester: Requester,
    proxy: FaultyProxy,
    caplog: pytest.LogCaptureFixture,
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
    assert requester.certificate.serial != first.serial, caplog.text
    key, end, _ = before.partition(b"END PRIVATE KEY")
    assert end
    assert not content.read_bytes().startswith(key)
    # The account was registered once.
    assert proxy.count("/sign-me-up") == 1
    accounts = list((requester.state.path / "accounts").iterdir())
    assert len(accounts) == 1


def test_certificate_is_renewed_in_the_authoritys_window(
    requester: Requester,
    proxy: FaultyProxy,
    caplog: pytest.LogCaptureFixture,
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
    assert requester.certificate.serial != first.serial, caplog.text


def test_replaced_certificate_is_named_unless_the_authority_refuses(
    requester: Requester,
    proxy: FaultyProxy,
    caplog: pytest.LogCaptureFixture,
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
    assert requester.certificate.serial != first.serial, caplog.text


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
