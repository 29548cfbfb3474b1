# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Any sequence of rotations, leaks and lost files, by a state machine."""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from msrv.proofs import receipts
from msrv.proofs.keyring import Generation, Keyring
from msrv.retired_keys.key_file import RetiredKeyFile
from tests.retired_keys.rotations import opened, rewrite, ring, start

NAMES: Final = "ABCDEF"


@cache
def all_keys() -> dict[str, Generation]:
    """Return the keys of each NONCE by its name; deriving them takes time."""
    return {name: Generation.from_nonce(f"nonce {name}") for name in NAMES}


class Rotations(RuleBasedStateMachine):
    """Any sequence of changes of NONCE, starts, leaks and forged entries."""

    @initialize(name=st.sampled_from(NAMES))
    def install(self, name: str) -> None:
        """Start a new store."""
        self.data = Path(os.environ["PYTEST_ROTATIONS"]) / os.urandom(8).hex()
        self.data.mkdir(parents=True)
        self.current, self.previous = name, ""
        self.accepted = {name}
        self.used = {name}
        self.ever_leaked: set[str] = set()

    @rule(name=st.sampled_from(NAMES))
    def rotate(self, name: str) -> None:
        """Change NONCE, with the former one as NONCE_PREVIOUS."""
        if name == self.current or name in self.used - self.accepted:
            return
        self.current, self.previous = name, self.current
        self.accepted |= {name}
        self.used |= {name}
        self.start()

    @rule(name=st.sampled_from(NAMES))
    def leak(self, name: str) -> None:
        """Change NONCE, which has leaked, to a new one."""
        if name in self.used:
            return
        self.ever_leaked.add(self.current)
        self.current, self.previous = name, ""
        self.accepted = {name}
        self.used |= {name}
        self.start()

    @rule()
    def drop_previous(self) -> None:
        """Remove NONCE_PREVIOUS, and start."""
        self.previous = ""
        self.start()

    @rule(name=st.sampled_from(NAMES))
    def plant(self, name: str) -> None:
        """Add a key to the file without a NONCE."""
        file = RetiredKeyFile(self.data)
        key = receipts.jwk(all_keys()[name].receipt_public_key)
        rewrite(
            self.data,
            [
                *file.read(),
                key | {"retired_at": 1, "confirmed": {self.current: "A" * 43}},
            ],
        )

    def start(self) -> None:
        start(self.data, ring(all_keys(), self.current + self.previous))

    def loaded(self) -> Keyring:
        keys = ring(all_keys(), self.current + self.previous)
        return replace(keys, retired=RetiredKeyFile(self.data).load(keys))

    @invariant()
    def accepts_exactly_what_was_not_ended(self) -> None:
        """Receipts of every NONCE since the last leak, and no others."""
        assert set(opened(self.loaded(), all_keys())) == self.accepted
        assert self.ever_leaked.isdisjoint(self.accepted)


@pytest.fixture(autouse=True)
def rotations_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.getbasetemp() / "rotations"
    monkeypatch.setenv("PYTEST_ROTATIONS", str(folder))


Rotations.TestCase.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None
)


test_any_sequence_of_rotations = Rotations.TestCase
