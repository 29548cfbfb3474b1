# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The fuzzers' targets hold on their corpus, and on random input.

The long search is `make fuzz`; this keeps what it found from coming back.
"""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS

CORPUS: Final = Path(__file__).parents[2] / "fuzz" / "corpus"
INPUTS: Final = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize(
    "path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_target_holds_on_its_corpus(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.binary(max_size=400))
def test_target_holds_on_random_input(name: str, data: bytes) -> None:
    TARGETS[name](data)
