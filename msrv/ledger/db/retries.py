# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Retries of transactions that the database rolled back, or lost.

For deadlocks, locks that are held for too long, and nodes of a cluster that
refuse for a moment. Only for what changes nothing when it is done again: a
connection may be lost after its transaction was committed. Apart from the
commands, since the sync repeats its transactions as well.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

from msrv.ledger.errors import TransactionInterrupted
from msrv.tasks import Backoff

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_MAX_ATTEMPTS: Final = 8
_MAX_SECONDS: Final = 6.0
"""No attempt starts later: someone waits for a page."""
_BACKOFF: Final = Backoff(first_seconds=0.02, max_seconds=1, jitter=0.9)


def repeated(
    function: Callable[_Given, Coroutine[Any, Any, _Result]],
) -> Callable[_Given, Coroutine[Any, Any, _Result]]:
    """Repeat an idempotent function after TransactionInterrupted.

    The last of the errors is raised.
    """

    @functools.wraps(function)
    async def repeating(
        *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        started = monotonic()
        for failures in range(1, _MAX_ATTEMPTS):
            try:
                return await function(*args, **kwargs)
            except TransactionInterrupted:
                pause = _BACKOFF.seconds(failures)
                if monotonic() + pause - started > _MAX_SECONDS:
                    raise
            await asyncio.sleep(pause)
        return await function(*args, **kwargs)

    return repeating
