"""Deployments: what was asked for, how far it is, and how it ended."""

import secrets
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

MAX_LINES: Final = 200
_MAX_LINE: Final = 600


class State(StrEnum):
    """Where a deployment is; the last five are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """The engine is away; it goes on when the engine is back."""
    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    """The old containers serve."""
    BROKEN = "broken"
    """Not even undoing worked; somebody has to look."""
    SUPERSEDED = "superseded"

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens."""
        return self not in _GOING_ON


_GOING_ON: Final = frozenset({State.QUEUED, State.RUNNING, State.WAITING})


def new_id() -> str:
    """Make a deployment's id: 12 letters and digits."""
    return secrets.token_hex(6)


@dataclass(slots=True)
class Deployment:
    """One update of one target; times are Unix seconds."""

    id: str
    target: str
    cause: str
    requested_at: int
    state: State = State.QUEUED
    step: str = ""
    reason: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    reference: str = ""
    """What the new containers are made of: `repository@digest`."""
    image_id: str = ""
    before: str = ""
    """The id of the image that ran before."""
    done: int = 0
    replicas: int = 0
    have_bytes: int = 0
    of_bytes: int = 0
    starts: int = 0
    """How many deployers have begun with it."""
    undoing: bool = False
    callback_url: str | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def is_rollback(self) -> bool:
        """Whether it goes back to the image before."""
        return self.cause == "rollback"

    def note(self, line: str) -> None:
        """Add a line of its story; the oldest go first."""
        self.lines.append(line[:_MAX_LINE])
        del self.lines[:-MAX_LINES]

    def as_data(self) -> dict[str, Any]:
        """Write it down, for the journal."""
        return asdict(self)

    def as_public(self, *, whole: bool) -> dict[str, Any]:
        """Show it; `whole` with its lines. An address to call is a secret."""
        data = asdict(self)
        del data["callback_url"]
        if not whole:
            del data["lines"]
        return data

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> Self:
        """Read what `as_data` wrote, also by another version.

        Raises TypeError, ValueError or KeyError for anything else.
        """
        known = {each.name for each in fields(cls)}
        kept = {key: data[key] for key in data if key in known}
        kept["state"] = State(kept["state"])
        return cls(**kept)
