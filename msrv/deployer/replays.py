"""Replay detection: a hook that is sent again starts nothing.

Pure: time is a parameter, in Unix seconds, and what is remembered is plain
data that the journal keeps across restarts.
"""

import hashlib
import json
from typing import Final

REPLAY_SECONDS: Final = 600
"""Time for which a hook is remembered."""
MAX_REMEMBERED: Final = 512
"""More than the limit on genuine hooks lets through in that time, twice."""


def identity(kind: str, value: object) -> str:
    """Return a digest that stands for a hook, or for the push it is about.

    Equal JSON has equal digests, however it is written.
    """
    text = json.dumps([kind, value], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_replay(
    recent: dict[str, int], identities: tuple[str, ...], now: int
) -> bool:
    """Whether a hook with one of these identities came a moment ago.

    `recent` holds the time at which each was first seen. What is new is added
    and what is older than REPLAY_SECONDS is removed; a clock that was set
    back makes nothing older.
    """
    for each in [
        each
        for each, seen_at in recent.items()
        if now - seen_at >= REPLAY_SECONDS
    ]:
        del recent[each]
    found = any(each in recent for each in identities)
    for each in identities:
        recent.setdefault(each, now)
    while len(recent) > MAX_REMEMBERED:
        del recent[next(iter(recent))]
    return found
