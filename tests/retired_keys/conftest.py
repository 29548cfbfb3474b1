# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures of the retired keys."""

import pytest

from msrv.proofs.keyring import Generation


@pytest.fixture(scope="module")
def nonces() -> dict[str, Generation]:
    """Keys of the NONCEs A, B, C, and D."""
    return {name: Generation.from_nonce(f"nonce {name}") for name in "ABCD"}
