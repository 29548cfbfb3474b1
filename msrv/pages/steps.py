"""Long pieces of work in short steps, between which others are served.

A page of a thousand lines takes no longer to make, and nobody waits for it
but the visitor who asked.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, TypeVar

STEP_SECONDS: Final = 0.001
_FEW: Final = 20
_Each = TypeVar("_Each")


class Steps:
    """Says when a piece of work has gone on for long enough."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def rest(self) -> None:
        """Let others be served, if it is time."""
        if time.perf_counter() - self._began >= STEP_SECONDS:
            await asyncio.sleep(0)
            self._began = time.perf_counter()

    async def through(self, things: Iterable[_Each]) -> AsyncIterator[_Each]:
        """Go through things, with a rest between two where it is time."""
        for each in things:
            yield each
            await self.rest()


async def dumps(value: Any) -> str:  # noqa: ANN401 - what JSON may hold
    """Write JSON, as `json.dumps` does."""
    steps = Steps()
    pieces: list[str] = []
    await _write(value, pieces, steps)
    return "".join(pieces)


async def _write(
    value: Any,  # noqa: ANN401 - as above
    pieces: list[str],
    steps: Steps,
) -> None:
    if not isinstance(value, dict | list | tuple):
        pieces.append(json.dumps(value))
    elif isinstance(value, dict):
        if _is_flat(value):
            pieces.append(json.dumps(value))
        else:
            for number, (key, each) in enumerate(value.items()):
                pieces.append(f"{', ' if number else '{'}{json.dumps(key)}: ")
                await _write(each, pieces, steps)
            pieces.append("}")
    elif not value:
        pieces.append("[]")
    else:
        for number, each in enumerate(value):
            pieces.append(", " if number else "[")
            await _write(each, pieces, steps)
        pieces.append("]")
    await steps.rest()


def _is_flat(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is written in no time."""
    return len(value) <= _FEW and not any(
        isinstance(each, dict | list | tuple) for each in value.values()
    )
