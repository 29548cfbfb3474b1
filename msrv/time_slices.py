# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time slices: long computations that yield to the event loop regularly.

Rendering a page of a thousand lines takes as long as before, but other
requests are served meanwhile. Apart from `tasks`: this is a computation within
one request, and has no task of its own.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, Self, TypeVar

SLICE_SECONDS: Final = 0.001
_FEW: Final = 20
_Each = TypeVar("_Each")


class TimeSlices:
    """Time slices of one computation, of SLICE_SECONDS each."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @classmethod
    async def start(cls) -> Self:
        """Yield to the event loop, and return slices that start now.

        So the first slice isn't added to the work that led to it.
        """
        await asyncio.sleep(0)
        return cls()

    async def yield_if_due(self) -> None:
        """Yield to the event loop, if the time slice is over."""
        if time.perf_counter() - self._started >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._started = time.perf_counter()

    async def iterate(self, things: Iterable[_Each]) -> AsyncIterator[_Each]:
        """Yield each of the things, with `yield_if_due` after each."""
        for each in things:
            yield each
            await self.yield_if_due()


async def collect(steps: Iterable[_Each | None]) -> list[_Each]:
    """Return what the steps of a search have found: all but None."""
    slices = await TimeSlices.start()
    return [each async for each in slices.iterate(steps) if each is not None]


async def first(steps: Iterable[_Each | None]) -> _Each | None:
    """Return what a search finds first, None for nothing."""
    slices = await TimeSlices.start()
    async for each in slices.iterate(steps):
        if each is not None:
            return each
    return None


async def dumps(value: Any) -> str:  # noqa: ANN401 - what JSON may hold
    """Return `value` as JSON, as `json.dumps` does, in time slices."""
    slices = await TimeSlices.start()
    pieces: list[str] = []
    await _write(value, pieces, slices)
    return "".join(pieces)


async def _write(
    value: Any,  # noqa: ANN401 - as above
    pieces: list[str],
    slices: TimeSlices,
) -> None:
    if not isinstance(value, dict | list | tuple):
        pieces.append(json.dumps(value))
    elif isinstance(value, dict):
        if _is_flat(value):
            pieces.append(json.dumps(value))
        else:
            for number, (key, each) in enumerate(value.items()):
                pieces.append(f"{', ' if number else '{'}{json.dumps(key)}: ")
                await _write(each, pieces, slices)
            pieces.append("}")
    elif not value:
        pieces.append("[]")
    else:
        for number, each in enumerate(value):
            pieces.append(", " if number else "[")
            await _write(each, pieces, slices)
        pieces.append("]")
    await slices.yield_if_due()


def _is_flat(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping is small enough to be written at once."""
    return len(value) <= _FEW and not any(
        isinstance(each, dict | list | tuple) for each in value.values()
    )
