# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Record of one deployment: what was requested, its progress, its result."""

import secrets
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

MAX_LINES: Final = 200
_MAX_LINE: Final = 600


class DeploymentState(StrEnum):
    """State of a deployment; the last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """The engine is unavailable; the deployment continues when it is back."""
    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    """The containers are as they were before."""
    BROKEN = "broken"
    """Undoing failed too, or nothing is known of it: an operator has to
    intervene."""
    SUPERSEDED = "superseded"

    @property
    def is_final(self) -> bool:
        """True once the deployment has ended."""
        return self not in _ACTIVE


_ACTIVE: Final = frozenset(
    {
        DeploymentState.QUEUED,
        DeploymentState.RUNNING,
        DeploymentState.WAITING,
    }
)


def new_id() -> str:
    """Return a random id of a deployment: 12 letters and digits."""
    return secrets.token_hex(6)


@dataclass(slots=True)
class Deployment:
    """One update of one target; times are Unix seconds."""

    id: str
    target: str
    cause: str
    requested_at: int
    state: DeploymentState = DeploymentState.QUEUED
    step: str = ""
    reason: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    reference: str = ""
    """The image of the new containers: `repository@digest`."""
    image_id: str = ""
    before: str = ""
    """The id of the image that ran before."""
    done: int = 0
    replicas: int = 0
    have_bytes: int = 0
    of_bytes: int = 0
    starts: int = 0
    """Number of times that a deployer has started or resumed it."""
    undoing: bool = False
    failure: str = ""
    """Why it is being undone; unlike `reason`, kept during an outage."""
    callback_url: str | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def is_rollback(self) -> bool:
        """True if it returns to the previous image."""
        return self.cause == "rollback"

    @property
    def has_image(self) -> bool:
        """True if the target now runs the image that it was to run."""
        return self.state is DeploymentState.SUCCEEDED or (
            self.state is DeploymentState.UNCHANGED and not self.reason
        )

    def undo_because(self, failure: str) -> None:
        """Have it undone from now on."""
        self.undoing = True
        self.failure = failure

    def finish(self, state: DeploymentState, now: float) -> None:
        """Set a final state and its time: no reader sees only one of them."""
        self.state = state
        self.ended_at = int(now)

    def add_line(self, line: str) -> None:
        """Add a line to its log, of which the last MAX_LINES are kept."""
        self.lines.append(line[:_MAX_LINE])
        del self.lines[:-MAX_LINES]

    def drop_repetition(self) -> None:
        """Drop the end of its log if that repeats the lines before it.

        So that a long outage doesn't push all others out.
        """
        *others, last = self.lines
        if last in others:
            size = others[::-1].index(last) + 1
            if self.lines[-size:] == self.lines[-2 * size : -size]:
                del self.lines[-size:]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, for the journal."""
        return asdict(self)

    def to_public_dict(self, *, with_lines: bool) -> dict[str, Any]:
        """Return all but the callback's address, which is a secret."""
        data = asdict(self)
        del data["callback_url"]
        if not with_lines:
            del data["lines"]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the deployment that `to_dict` wrote, in any version.

        Raises TypeError, ValueError or KeyError for anything else.
        """
        known = {each.name for each in fields(cls)}
        values = {key: data[key] for key in data if key in known}
        values["state"] = DeploymentState(values["state"])
        return cls(**values)
