"""The journal: what a deployer that is killed leaves to the next.

A file for each deployment, written whole and renamed into place, and one for
what is remembered of each target. What containers are there, their labels
say; the journal says what was wanted. It is kept where it can be, and a full
disk stops no update: then the labels alone have to do.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from msrv.deployer.rollout.deployment import Deployment
from msrv.files import write_file

log = logging.getLogger(__name__)

KEPT: Final = 100
_MEMORY: Final = "targets.json"


@dataclass(slots=True)
class Memory:
    """What is remembered of a target."""

    refused: str = ""
    """The image id that was rolled back from: a hook doesn't bring it back."""
    seen: list[str] = field(default_factory=list)
    """Digests of signatures, so that a replay is known after a restart."""
    recent: dict[str, int] = field(default_factory=dict)
    """Identities of recent hooks, and when each was first seen."""


class Journal:
    """The deployments of late, in memory and in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()
        self.deployments: dict[str, Deployment] = {}
        self.memories: dict[str, Memory] = {}

    async def open(self) -> None:
        """Read what is there; what can't be read is passed over, loudly."""
        found, memories = await asyncio.to_thread(self._read)
        for deployment in sorted(found, key=lambda each: each.requested_at):
            # A hook may have come while the one before us was still there.
            self.deployments.setdefault(deployment.id, deployment)
        for target, memory in memories.items():
            mine = self.memory(target)
            mine.refused = memory.refused
            mine.seen = [*memory.seen, *mine.seen]
            mine.recent = memory.recent | mine.recent

    def memory(self, target: str) -> Memory:
        """Give what is remembered of a target."""
        return self.memories.setdefault(target, Memory())

    async def save(self, deployment: Deployment) -> None:
        """Write one down."""
        self.deployments[deployment.id] = deployment
        gone = [
            each for each in self.deployments.values() if each.state.is_end
        ]
        gone = gone[: max(0, len(self.deployments) - KEPT)]
        for old in gone:
            del self.deployments[old.id]
        text = json.dumps(deployment.as_data())
        async with self._lock:
            await asyncio.to_thread(
                self._write, f"{deployment.id}.json", text, gone
            )

    async def save_memories(self) -> None:
        """Write down what is remembered of all targets."""
        data = {
            name: {
                "refused": each.refused,
                "seen": each.seen,
                "recent": each.recent,
            }
            for name, each in self.memories.items()
        }
        async with self._lock:
            await asyncio.to_thread(self._write, _MEMORY, json.dumps(data), [])

    def _write(self, name: str, text: str, gone: list[Deployment]) -> None:
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Where the name is lost, the containers' labels have to do.
            write_file(path, text.encode(), durable_name=False)
            for old in gone:
                (self._folder / f"{old.id}.json").unlink(missing_ok=True)
        except OSError as error:
            log.error(  # noqa: TRY400 - one line says it
                "the journal can't be written to %s: %s",
                self._folder,
                error.strerror,
            )

    def _read(self) -> tuple[list[Deployment], dict[str, Memory]]:
        deployments: list[Deployment] = []
        memories: dict[str, Memory] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                data: Any = json.loads(path.read_text(encoding="utf-8"))
                if path.name == _MEMORY:
                    for name, each in data.items():
                        memories[str(name)] = Memory(
                            str(each["refused"]),
                            [*map(str, each["seen"])],
                            # A version before this one wrote none.
                            {
                                str(key): int(seen_at)
                                for key, seen_at in each.get(
                                    "recent", {}
                                ).items()
                            },
                        )
                else:
                    deployments.append(Deployment.of_data(data))
            except (
                OSError,
                ValueError,
                TypeError,
                KeyError,
                AttributeError,
            ) as error:
                log.warning("passed over %s: %s", path.name, error)
        return deployments, memories
