# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keyrings, made once: each NONCE costs a tenth of a second to stretch."""

import pytest

from msrv.proofs.keyring import Keyring


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """A store that has never changed its NONCE."""
    return Keyring.from_nonces("the store's own", accepts_simulated=True)


@pytest.fixture(scope="session")
def other() -> Keyring:
    """Another store."""
    return Keyring.from_nonces("another store's", accepts_simulated=True)


@pytest.fixture(scope="session")
def rotated(keyring: Keyring, other: Keyring) -> Keyring:
    """The first store after a change of NONCE, with the old one verifying."""
    return Keyring((other.current, keyring.current), accepts_simulated=True)
