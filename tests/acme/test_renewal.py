# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Renewal times and pauses, for any clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.acme.certificate import IssuedCertificate
from msrv.acme.errors import (
    AuthorityRefused,
    AuthorityUnavailable,
    IssuanceError,
)
from msrv.acme.renewal import (
    EARLIEST,
    MAX_PAUSE,
    Attempts,
    RenewalWindow,
    info_interval,
    is_plausible,
    parse_window,
    reason_to_replace,
    renewal_time,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DIRECTORY = "https://acme.example/directory"
CERTIFICATE = IssuedCertificate(
    names=frozenset({"shop.example", "www.shop.example"}),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=60),
    serial=0x87654321,
    authority_key_id=bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4"),
    directory=DIRECTORY,
)
TIMES = st.integers(0, 75 * 365 * 24 * 3600).map(
    lambda seconds: EARLIEST + timedelta(seconds=seconds)
)


def test_renewal_identifier_is_that_of_the_standard() -> None:
    """RFC 9773, section 4.1: its example."""
    expected = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    assert CERTIFICATE.renewal_id == expected
    assert replace(CERTIFICATE, authority_key_id=None).renewal_id is None


@pytest.mark.parametrize(
    ("serial", "encoded"),
    [(0, "AA"), (0x7F, "fw"), (0x80, "AIA"), (256, "AQA")],
)
def test_serial_is_encoded_as_in_der(serial: int, encoded: str) -> None:
    found = replace(CERTIFICATE, serial=serial).renewal_id
    assert found
    assert found.partition(".")[2] == encoded


def test_two_thirds_without_a_window() -> None:
    assert renewal_time(CERTIFICATE, None) == NOW + timedelta(days=30)


def test_window_comes_before_two_thirds_and_after() -> None:
    for days in (-20, 1, 50):
        start = NOW + timedelta(days=days)
        window = RenewalWindow(start, start + timedelta(days=2))
        found = renewal_time(CERTIFICATE, window)
        assert window.start <= found <= window.end
        assert found == renewal_time(CERTIFICATE, window), "always the same"


def test_moment_in_a_window_differs_between_certificates() -> None:
    window = RenewalWindow(NOW, NOW + timedelta(days=2))
    found = {
        renewal_time(replace(CERTIFICATE, serial=serial), window)
        for serial in range(50)
    }
    assert len(found) == 50
    assert max(found) - min(found) > timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "end"), [(2, 1), (1, 1), (50, 61), (70, 80)]
)
def test_useless_window_is_ignored(start: int, end: int) -> None:
    window = RenewalWindow(
        NOW + timedelta(days=start), NOW + timedelta(days=end)
    )
    assert renewal_time(CERTIFICATE, window) == renewal_time(CERTIFICATE, None)


@pytest.mark.parametrize(
    ("certificate", "names", "directory", "now", "reason"),
    [
        (CERTIFICATE, ("shop.example",), DIRECTORY, NOW, None),
        (None, ("shop.example",), DIRECTORY, NOW, "is the first"),
        (
            CERTIFICATE,
            ("a.example",),
            DIRECTORY,
            NOW,
            "doesn't name a.example",
        ),
        (CERTIFICATE, (), "https://other.example/", NOW, "another authority"),
        (CERTIFICATE, (), DIRECTORY, CERTIFICATE.not_after, "expired on 2027"),
        # A certificate of tomorrow: the clock is slow, nothing is wrong.
        (CERTIFICATE, (), DIRECTORY, NOW - timedelta(days=40), None),
    ],
)
def test_certificate_is_replaced_for_a_reason(
    certificate: IssuedCertificate | None,
    names: tuple[str, ...],
    directory: str,
    now: datetime,
    reason: str | None,
) -> None:
    found = reason_to_replace(certificate, names, directory, now)
    if reason is None:
        assert found is None
    else:
        assert found
        assert reason in found


def test_pauses_double_up_to_six_hours() -> None:
    attempts, pauses = Attempts(), []
    for _ in range(12):
        attempts = attempts.after(AuthorityRefused("dns", "no"), NOW)
        pauses.append(attempts.allowed_at(NOW) - NOW)
    assert timedelta(minutes=9) <= pauses[0] <= timedelta(minutes=10)
    assert timedelta(hours=5) < pauses[-1] <= timedelta(hours=6)
    # Up to a tenth is left out at random.
    assert all(b > a for a, b in pairwise(pauses[:6]))
    assert attempts.failures == 12


def test_absent_authority_is_asked_sooner() -> None:
    attempts = Attempts().after(AuthorityUnavailable("away"), NOW)
    assert attempts.allowed_at(NOW) - NOW <= timedelta(minutes=1)


def test_authoritys_wish_prolongs_the_pause_within_a_limit() -> None:
    def pause(seconds: float) -> timedelta:
        error = AuthorityRefused("rateLimited", "", seconds)
        return Attempts().after(error, NOW).allowed_at(NOW) - NOW

    assert pause(7200) == timedelta(hours=2)
    assert pause(1) >= timedelta(minutes=9)
    assert pause(1e12) == MAX_PAUSE
    assert pause(float("inf")) == MAX_PAUSE


@given(TIMES, TIMES, st.floats(0, 1e15))
def test_pause_ends_whatever_the_clock_does(
    failed_at: datetime, now: datetime, wish: float
) -> None:
    error = IssuanceError("no", wish)
    attempts = Attempts().after(error, failed_at).corrected(now)
    assert attempts.allowed_at(now) - now <= MAX_PAUSE
    assert attempts.failed_at is not None
    assert attempts.failed_at <= now


def test_clock_before_the_program_is_implausible() -> None:
    assert is_plausible(NOW)
    assert not is_plausible(EARLIEST - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("wish", "interval"),
    [
        (None, timedelta(hours=6)),
        (0, timedelta(minutes=1)),
        (3600, timedelta(hours=1)),
        (1e300, timedelta(days=1)),
    ],
)
def test_interval_of_renewal_information_is_bounded(
    wish: float | None, interval: timedelta
) -> None:
    assert info_interval(wish) == interval


def test_window_of_the_standard_is_parsed() -> None:
    """RFC 9773, section 4.2: its example."""
    found = parse_window(
        {
            "suggestedWindow": {
                "start": "2025-01-02T04:00:00Z",
                "end": "2025-01-03T04:00:00Z",
            },
            "explanationURL": "https://acme.example.com/docs/ari",
        }
    )
    start = datetime(2025, 1, 2, 4, tzinfo=UTC)
    assert found == RenewalWindow(start, start + timedelta(days=1))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"suggestedWindow": None},
        {"suggestedWindow": {"start": "2025-01-02T04:00:00Z"}},
        {"suggestedWindow": {"start": 1, "end": 2}},
        {
            "suggestedWindow": {
                "start": "2025-01-02T04:00:00",
                "end": "2025-01-03T04:00:00",
            }
        },
    ],
)
def test_other_windows_are_refused(members: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="renewal information"):
        parse_window(members)
