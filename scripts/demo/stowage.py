# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The picture of Items May Have Shifted: squares in rows, less and less so.

Lengths are in distances between two neighbours of the first row, downwards
and to the right from the first square's centre.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

HALF: Final = 0.375
"""Half of a square's side."""

_GAP: Final = 0.04
_TRIES: Final = 60

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Square:
    """One item: where its centre is, and its turn in radians."""

    x: float
    y: float
    turn: float
    ours: bool = False

    def corners(self, half: float = HALF) -> Points:
        """Return its four corners in order: (4, 2)."""
        along = np.array([np.cos(self.turn), np.sin(self.turn)]) * half
        across = np.array([-along[1], along[0]])
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        centre = np.array([self.x, self.y])
        return np.array([centre + a * along + b * across for a, b in signs])


def stow(columns: int, rows: int, ours: tuple[int, int]) -> list[Square]:
    """Stow them; who finds no place further down is lost.

    `ours` is the row and column of the one that is painted.
    """
    rng = np.random.default_rng(14)
    placed: list[Square] = []
    # Ours is stowed before its neighbours, as it is the one not to lose.
    places = sorted(np.ndindex(rows, columns), key=lambda place: place != ours)
    for row, column in places:
        unrest = (row / (rows - 1)) ** 1.8
        for _ in range(_TRIES):
            x, y = rng.normal(0, 0.3, 2) * unrest
            turn = float(rng.normal(0, 0.5) * unrest)
            square = Square(
                float(np.clip(column + x, -0.05, columns - 0.95)),
                float(min(row + y + 0.2 * unrest, rows - 0.9)),
                turn,
                (row, column) == ours,
            )
            if not any(_touch(square, other) for other in placed):
                placed.append(square)
                break
    return placed


def _touch(one: Square, other: Square) -> bool:
    """Tell whether no line parallel to a side keeps them apart."""
    if max(abs(one.x - other.x), abs(one.y - other.y)) > 4 * HALF:
        return False
    first, second = (
        square.corners(HALF + _GAP / 2) for square in (one, other)
    )
    for turn in (one.turn, other.turn):
        for angle in (turn, turn + np.pi / 2):
            axis = np.array([np.cos(angle), np.sin(angle)])
            a, b = first @ axis, second @ axis
            if a.max() < b.min() or b.max() < a.min():
                return False
    return True
