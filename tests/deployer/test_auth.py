# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Detection of replays, apart from any request."""

from msrv.deployer.auth import (
    MAX_FINGERPRINTS,
    REPLAY_SECONDS,
    fingerprint,
    is_replay,
)
from tests.deployer.running_deployer import NOW


def test_remembered_hooks_are_bounded() -> None:
    recent: dict[str, int] = {}
    for number in range(3 * MAX_FINGERPRINTS):
        assert not is_replay(recent, (fingerprint("body", number),), NOW)
    assert len(recent) == MAX_FINGERPRINTS
    assert not is_replay(recent, ("x",), NOW + REPLAY_SECONDS)
    assert recent == {"x": NOW + REPLAY_SECONDS}


def test_clock_that_was_set_back_forgets_nothing() -> None:
    recent: dict[str, int] = {}
    assert not is_replay(recent, ("x",), NOW)
    assert is_replay(recent, ("x",), NOW - 3600)
