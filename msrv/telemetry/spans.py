# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Spans of operations for tracing: recorded while a recorder is set.

Apart from `tracing`, which records and exports them, so that packages that
have spans don't import OpenTelemetry.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal

Kind = Literal["server", "client"]
Attributes = dict[str, str | int]
Recorder = Callable[[str, Kind, Attributes], AbstractContextManager[None]]

_NOTHING: Final = nullcontext()
_recorders: Final[list[Recorder]] = []


def span(
    name: str, kind: Kind, attributes: Attributes
) -> AbstractContextManager[None]:
    """Return a context manager of an operation, which may be recorded.

    `attributes` are read when the operation ends. Neither they nor `name` may
    have anything that a visitor sent, or that a link or a receipt is made of.
    """
    if not _recorders:
        return _NOTHING
    return _recorders[-1](name, kind, attributes)


@contextlib.contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Record the spans of this process until the block ends."""
    _recorders.append(recorder)
    try:
        yield
    finally:
        _recorders.remove(recorder)
