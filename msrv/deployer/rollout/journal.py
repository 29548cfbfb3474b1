# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Journal of deployments, which survives a deployer that is killed.

A file for each deployment, written whole and renamed into place, and one for
the state of each target. Which containers exist is in their labels; the
journal has what was wanted. A disk that is full stops no update: the labels
alone are enough to finish it. What could not be written is written with the
next change.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from msrv.deployer.rollout.deployment import Deployment
from msrv.display_text import reason_of
from msrv.files import write_file
from msrv.tasks import finish

log = logging.getLogger(__name__)

MAX_DEPLOYMENTS: Final = 100
_STATES_FILE: Final = "targets.json"


@dataclass(slots=True)
class TargetState:
    """State of a target between deployments."""

    refused_image_id: str = ""
    """The image that was rolled back; a hook doesn't bring it back."""
    signatures: list[str] = field(default_factory=list)
    """Digests of signatures, so that a replay is known after a restart."""
    hooks_seen_at: dict[str, int] = field(default_factory=dict)
    """Fingerprints of recent hooks, and when each was first seen."""


class DeploymentJournal:
    """Recent deployments and targets' states, in memory and in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()
        self._saved: set[str] = set()
        """Ids of the deployments that this process has changed."""
        self._unwritten: dict[str, str | None] = {}
        """Text of each file that is to be written, None to remove it."""
        self.deployments: dict[str, Deployment] = {}
        self.target_states: dict[str, TargetState] = {}

    async def load(self) -> None:
        """Load the folder; a file that can't be read is logged and skipped.

        May be called again, to add what another deployer has written since;
        what this one has saved is newer.
        """
        found, states = await asyncio.to_thread(self._read)
        merged = self.deployments | {
            each.id: each for each in found if each.id not in self._saved
        }
        self.deployments = {
            each.id: each
            for each in sorted(
                merged.values(), key=lambda each: each.requested_at
            )
        }
        for target, loaded in states.items():
            state = self.target_state(target)
            state.refused_image_id = loaded.refused_image_id
            state.signatures = list(
                dict.fromkeys([*loaded.signatures, *state.signatures])
            )
            state.hooks_seen_at = loaded.hooks_seen_at | state.hooks_seen_at

    def target_state(self, target: str) -> TargetState:
        """Return the state of a target."""
        return self.target_states.setdefault(target, TargetState())

    async def save(self, deployment: Deployment) -> None:
        """Write a deployment, and drop the oldest over MAX_DEPLOYMENTS."""
        self.deployments[deployment.id] = deployment
        self._saved.add(deployment.id)
        ended = [
            each for each in self.deployments.values() if each.state.is_final
        ]
        for old in ended[: max(0, len(self.deployments) - MAX_DEPLOYMENTS)]:
            del self.deployments[old.id]
            self._saved.discard(old.id)
            self._unwritten[f"{old.id}.json"] = None
        await self._write(
            f"{deployment.id}.json", json.dumps(deployment.to_dict())
        )

    async def save_target_states(self) -> None:
        """Write the states of all targets."""
        data = {
            name: {
                "refused": each.refused_image_id,
                "seen": each.signatures,
                "recent": each.hooks_seen_at,
            }
            for name, each in self.target_states.items()
        }
        await self._write(_STATES_FILE, json.dumps(data))

    async def _write(self, name: str, text: str) -> None:
        """Write a file, and those that could not be written before."""
        self._unwritten[name] = text
        # A thread can't be cancelled; it would write beside the next one.
        await finish(self._write_all())

    async def _write_all(self) -> None:
        async with self._lock:
            texts = dict(self._unwritten)
            for name in await asyncio.to_thread(self._write_files, texts):
                # It may have been saved again since.
                if self._unwritten[name] == texts[name]:
                    del self._unwritten[name]

    def _write_files(self, texts: dict[str, str | None]) -> list[str]:
        """Write or remove files, and return the names of those done."""
        done = []
        error: OSError | None = None
        for name, text in texts.items():
            path = self._folder / name
            try:
                if text is None:
                    path.unlink(missing_ok=True)
                else:
                    self._folder.mkdir(parents=True, exist_ok=True)
                    # Without the name on disk, the containers' labels are
                    # enough.
                    write_file(path, text.encode(), durable_name=False)
                done.append(name)
            except OSError as failure:
                error = failure
        if error is not None:
            log.error(
                "the journal can't be written to %s: %s",
                self._folder,
                reason_of(error),
            )
        return done

    def _read(self) -> tuple[list[Deployment], dict[str, TargetState]]:
        deployments: list[Deployment] = []
        states: dict[str, TargetState] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                data: Any = json.loads(path.read_text(encoding="utf-8"))
                if path.name == _STATES_FILE:
                    for name, each in data.items():
                        states[str(name)] = _target_state(each)
                else:
                    deployments.append(Deployment.from_dict(data))
            except (
                OSError,
                ValueError,
                TypeError,
                KeyError,
                AttributeError,
            ) as error:
                log.warning("skipped %s: %s", path.name, error)
        return deployments, states


def _target_state(data: dict[str, Any]) -> TargetState:
    return TargetState(
        str(data["refused"]),
        [*map(str, data["seen"])],
        # Absent in files of earlier versions.
        {
            str(key): int(seen_at)
            for key, seen_at in data.get("recent", {}).items()
        },
    )
