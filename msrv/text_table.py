# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Counts, times and columns of plain text, for the terminal and for logs.

Apart, and on the lowest floor, because the store, its commands and the
deployer's client all print them.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 item`, `2 items`, `3 deliveries`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}s"


def utc_time(unix_seconds: float) -> str:
    """Return a time in UTC: `2026-03-06 14:05 UTC`."""
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M} UTC"


def table(
    rows: Sequence[Sequence[str]], *, right: Collection[int] = ()
) -> str:
    """Return rows in columns, each as wide as its longest cell.

    `right` are the indexes of the columns that are right-aligned.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        ).rstrip()
        for row in rows
    )


def labelled(*rows: tuple[str, str], width: int = 10) -> str:
    """Return one line for each label and its value, with values aligned."""
    return "\n".join(f"{label:<{width}}{value}" for label, value in rows)
