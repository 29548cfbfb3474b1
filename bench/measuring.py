"""Running candidates in turns, and saying what came out."""

import json
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

NONCE = "a nonce for benchmarks: 9Jk2-Lmx7-Rr4T-wP0e-Zz81"
"""Of every store that is measured."""
RESULTS = Path(__file__).with_name("results.json")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Figure:
    """One candidate's figure, and how it stands to the baseline.

    `ratio` is the median of the rounds' own ratios, `ratio_low` and
    `ratio_high` the least and the greatest: what slows a whole round down
    slows both.
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
    """Run every candidate once a round; the first is the baseline."""
    return compare(take(candidates, rounds=rounds), unit=unit)


def take(
    candidates: Mapping[str, Callable[[], _Result]], *, rounds: int
) -> dict[str, list[_Result]]:
    """Run every candidate once a round: the rounds' results.

    Every second round in the opposite order, since who was before leaves the
    machine as it is.
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
    """Hold every candidate's rounds against the first one's."""
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
    """Keep the figures where the documents can quote them.

    Those of benches that were not run this time stay as they are.
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
