# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The verdict of the guard against dear pages and downloads."""

import math
from collections.abc import Mapping, Sequence

import pytest

from bench.guard import BOUNDS, measure_until_within, over_bounds

BOUND = {"page": 0.3, "download": 0.5}


@pytest.mark.parametrize(
    ("ratios", "over"),
    [
        ({"page": 0.3, "download": 0.1}, []),
        ({"page": 0.4, "download": 0.1}, ["page"]),
        ({"page": 0.31, "download": 0.51}, ["page", "download"]),
        ({"page": math.inf}, ["page"]),
        ({"page": math.nan}, ["page"]),
        ({"without a bound": 0.0}, []),
        ({"without a bound": 0.1}, ["without a bound"]),
    ],
)
def test_ratio_over_its_bound_is_a_failure(
    ratios: dict[str, float], over: list[str]
) -> None:
    found = over_bounds(ratios, BOUND)
    assert [*found] == over
    assert all(name in text for name, text in found.items())


class Rounds:
    """Measurements that a test plans: the ratios of each, by name."""

    def __init__(self, *planned: Mapping[str, float]) -> None:
        self._planned = [*planned]
        self.measured: list[list[str]] = []

    def __call__(self, names: Sequence[str]) -> dict[str, float]:
        self.measured.append([*names])
        ratios = self._planned.pop(0)
        return {name: ratios[name] for name in names}


def test_what_is_over_its_bound_is_measured_again_alone() -> None:
    rounds = Rounds({"page": 0.9, "download": 0.4}, {"page": 0.2})
    assert measure_until_within(rounds, BOUND) == []
    assert rounds.measured == [["page", "download"], ["page"]]


def test_what_stays_over_its_bound_is_a_failure() -> None:
    rounds = Rounds(
        {"page": 0.6, "download": 0.6},
        {"page": 0.61, "download": 0.4},
        {"page": 0.62},
    )
    (failure,) = measure_until_within(rounds, BOUND)
    assert "page" in failure
    assert "0.62" in failure


def test_every_bound_is_within_reach() -> None:
    assert all(0 < bound < math.inf for bound in BOUNDS.values())
