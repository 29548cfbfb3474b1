# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Interleaved rounds of candidates, and their figures."""

import json
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

NONCE = "a nonce for benchmarks: 9Jk2-Lmx7-Rr4T-wP0e-Zz81"
"""NONCE of all measured stores."""
RESULTS = Path(__file__).with_name("results.json")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Figure:
    """Figure of a candidate, and its ratio to the baseline.

    `ratio` is the median of the rounds' ratios, `ratio_low` and `ratio_high`
    are the least and the greatest: a load that slows a whole round slows
    both.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float


def interleave(
    candidates: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    unit: str,
) -> list[Figure]:
    """Run each candidate once a round; the first is the baseline."""
    return compare(run_rounds(candidates, rounds=rounds), unit=unit)


def run_rounds(
    candidates: Mapping[str, Callable[[], _Result]], *, rounds: int
) -> dict[str, list[_Result]]:
    """Run each candidate once a round; return the results by candidate.

    Every second round is in the opposite order, since a candidate may affect
    the next one.
    """
    taken: dict[str, list[_Result]] = {name: [] for name in candidates}
    names = list(candidates)
    for _ in range(rounds):
        for name in names:
            taken[name].append(candidates[name]())
        names.reverse()
    return taken


def compare(
    taken: Mapping[str, Sequence[float]], *, unit: str
) -> list[Figure]:
    """Return the figures of candidates, compared with the first."""
    baseline = taken[next(iter(taken))]
    figures = []
    for name, values in taken.items():
        ratios = [
            value / base for value, base in zip(values, baseline, strict=True)
        ]
        figures.append(
            Figure(
                name,
                unit,
                statistics.median(values),
                min(values),
                max(values),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
            )
        )
    return figures


def compare_values(
    taken: Mapping[str, Sequence[_Result]],
    values: Mapping[str, Callable[[_Result], float]],
) -> list[Figure]:
    """Return the figures of several values of each round, by their units."""
    return [
        figure
        for unit, value_of in values.items()
        for figure in compare(
            {name: list(map(value_of, each)) for name, each in taken.items()},
            unit=unit,
        )
    ]


def show(title: str, figures: list[Figure]) -> None:
    """Print one table."""
    width = max(len(each.name) for each in figures)
    print(f"\n{title}\n")
    for each in figures:
        print(
            f"  {each.name:<{width}}  {each.median:9.2f} {each.unit}"
            f"  ({each.low:.2f} to {each.high:.2f})"
            f"  ratio {each.ratio:6.2f}"
            f" ({each.ratio_low:.2f} to {each.ratio_high:.2f})"
        )


def write(results: Mapping[str, list[Figure]]) -> None:
    """Write the figures to RESULTS, which the documents quote.

    Figures of other benchmarks are preserved.
    """
    kept: dict[str, Any] = {}
    if RESULTS.exists():
        kept = json.loads(RESULTS.read_text("utf-8"))["results"]
    for title, figures in results.items():
        kept[title] = [asdict(figure) for figure in figures]
    text = json.dumps(
        {
            "machine": f"{platform.machine()}, {platform.system()}",
            "python": platform.python_version(),
            "results": kept,
        },
        indent=2,
    )
    RESULTS.write_text(text + "\n", encoding="utf-8")
