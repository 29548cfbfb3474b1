# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Precedence of revocations: which change of a line or an order counts.

The later one does, with two exceptions. A withdrawal changes nothing of what
is revoked already, which may have been refunded. And a payment provider whose
refund failed, or whose dispute was won, restores only what it has revoked
itself: its events state again, whenever another one follows, that the line is
not refunded, and must not bring back links that the seller has ended by hand,
or the buyer by a withdrawal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msrv.ledger.events import Restored, Revoked
from msrv.ledger.withdrawals.events import BY_WITHDRAWAL

Key = tuple[str, str]
"""An order, and one of its lines or WHOLE_ORDER."""


@dataclass(frozen=True, slots=True)
class StoredChange:
    """The change of a line that counts so far, as the database has it."""

    at_ms: int
    revoked: bool
    by: str


def changes_that_count(
    known: Mapping[Key, StoredChange], changes: Iterable[Revoked | Restored]
) -> dict[Key, Revoked | Restored]:
    """Return of each line or order the change that replaces the known one."""
    found: dict[Key, Revoked | Restored] = {}
    present = dict(known)
    for each in sorted(changes, key=_rank):
        key = (each.order_id, each.item_id)
        before = present.get(key)
        if before is not None and not _replaces(each, before):
            continue
        found[key] = each
        present[key] = StoredChange(*_rank(each), each.by)
    return found


def _replaces(change: Revoked | Restored, before: StoredChange) -> bool:
    if _rank(change) <= (before.at_ms, before.revoked):
        return False
    if not before.revoked or before.by == change.by:
        return True
    if isinstance(change, Restored):
        return _is_by_hand(change.by)
    if change.by == BY_WITHDRAWAL or _is_by_hand(before.by):
        return False
    # What a provider has revoked, it may restore: a withdrawal stays.
    return _is_by_hand(change.by) or before.by != BY_WITHDRAWAL


def _is_by_hand(by: str) -> bool:
    """Return whether an operator is the source of a change."""
    return by == "cli" or by.partition("-")[0] == "studio"


def _rank(change: Revoked | Restored) -> tuple[int, bool]:
    """Return a sort key; within a millisecond, revoking counts as later."""
    return change.at_ms, isinstance(change, Revoked)
