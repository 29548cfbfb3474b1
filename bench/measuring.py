"""Running candidates in turns, and saying what came out."""

import json
import platform
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """One candidate's figure, and how it stands to the baseline.

    `ratio` is the median of the rounds' own ratios: what slows a whole round
    down slows both.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    ratio: float


def interleave(
    candidates: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    unit: str,
) -> list[Figure]:
    """Run every candidate once a round; the first is the baseline."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            taken[name].append(run())
    baseline = taken[next(iter(candidates))]
    return [
        Figure(
            name,
            unit,
            statistics.median(values),
            min(values),
            max(values),
            statistics.median(
                value / base
                for value, base in zip(values, baseline, strict=True)
            ),
        )
        for name, values in taken.items()
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
        )


def write(results: Mapping[str, list[Figure]]) -> None:
    """Keep the figures where the documents can quote them."""
    kept: dict[str, Any] = {
        "machine": f"{platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "results": {
            title: [asdict(figure) for figure in figures]
            for title, figures in results.items()
        },
    }
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
