# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Journal of deployments: what survives a restart, and other versions."""

import asyncio
import errno
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.journal import MAX_DEPLOYMENTS, DeploymentJournal
from msrv.files import write_file

WRITE = "msrv.deployer.rollout.journal.write_file"


async def test_journal_is_loaded_after_a_restart(tmp_path: Path) -> None:
    """The oldest deployments are dropped, and unreadable files skipped."""
    journal = DeploymentJournal(tmp_path)
    for number in range(MAX_DEPLOYMENTS + 5):
        await journal.save(
            Deployment(
                f"d{number}",
                "store",
                "generic",
                number,
                DeploymentState.FAILED,
            )
        )
    journal.target_state("store").refused_image_id = "sha256:1"
    await journal.save_target_states()
    (tmp_path / "broken.json").write_text("{", "utf-8")
    (tmp_path / "odd.json").write_text('{"state": "none"}', "utf-8")
    again = DeploymentJournal(tmp_path)
    await again.load()
    assert len(again.deployments) == MAX_DEPLOYMENTS
    assert "d0" not in again.deployments
    assert again.deployments["d50"].state is DeploymentState.FAILED
    assert again.target_state("store").refused_image_id == "sha256:1"


async def test_journal_of_a_newer_version_is_loaded(tmp_path: Path) -> None:
    data = Deployment("d", "store", "generic", 1).to_dict()
    (tmp_path / "d.json").write_text(json.dumps({**data, "new": 1}), "utf-8")
    journal = DeploymentJournal(tmp_path)
    await journal.load()
    assert journal.deployments["d"].state is DeploymentState.QUEUED


async def test_journal_of_an_older_version_is_loaded(tmp_path: Path) -> None:
    text = '{"store": {"refused": "sha256:1", "seen": ["a"]}}'
    (tmp_path / "targets.json").write_text(text, "utf-8")
    journal = DeploymentJournal(tmp_path)
    await journal.load()
    memory = journal.target_state("store")
    assert (
        memory.refused_image_id,
        memory.signatures,
        memory.hooks_seen_at,
    ) == (
        "sha256:1",
        ["a"],
        {},
    )


async def test_what_could_not_be_written_is_written_with_the_next_save(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = DeploymentJournal(tmp_path)
    first = Deployment("d1", "store", "generic", 1)
    await journal.save(first)

    def fail(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WRITE, fail)
    first.finish(DeploymentState.SUCCEEDED, 2)
    await journal.save(first)
    journal.target_state("store").refused_image_id = "sha256:1"
    await journal.save_target_states()
    assert "No space left on device" in caplog.text
    monkeypatch.setattr(WRITE, write_file)
    await journal.save(Deployment("d2", "store", "generic", 3))
    again = DeploymentJournal(tmp_path)
    await again.load()
    assert again.deployments["d1"].state is DeploymentState.SUCCEEDED
    assert again.target_state("store").refused_image_id == "sha256:1"


async def test_later_save_is_the_last_even_if_the_first_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that writes can't be cancelled."""
    journal = DeploymentJournal(tmp_path)
    deployment = Deployment("d1", "store", "generic", 1)
    pauses = [0.1, 0]
    written = threading.Semaphore(0)

    def write_slowly(path: Path, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        time.sleep(pauses.pop(0))
        write_file(path, *arguments, **options)
        written.release()

    monkeypatch.setattr(WRITE, write_slowly)
    first = asyncio.ensure_future(journal.save(deployment))
    await asyncio.sleep(0.01)
    first.cancel()
    deployment.finish(DeploymentState.SUCCEEDED, 2)
    await journal.save(deployment)
    await asyncio.wait({first})
    assert first.cancelled()
    for _ in range(2):
        assert await asyncio.to_thread(written.acquire, timeout=60)
    again = DeploymentJournal(tmp_path)
    await again.load()
    assert again.deployments["d1"].state is DeploymentState.SUCCEEDED


async def test_what_another_deployer_has_written_is_added(
    tmp_path: Path,
) -> None:
    """Its states are newer than those loaded, and older than those saved."""
    other, journal = DeploymentJournal(tmp_path), DeploymentJournal(tmp_path)
    running = Deployment("d1", "store", "generic", 1)
    await other.save(running)
    other.target_state("store").signatures = ["a"]
    await other.save_target_states()
    await journal.load()
    own = Deployment("d3", "store", "generic", 3)
    await journal.save(own)
    journal.target_state("store").signatures.append("c")
    running.finish(DeploymentState.SUCCEEDED, 2)
    await other.save(running)
    await other.save(Deployment("d2", "blog", "generic", 2))
    other.target_state("store").signatures.append("b")
    other.target_state("store").refused_image_id = "sha256:1"
    await other.save_target_states()
    await journal.load()
    assert list(journal.deployments) == ["d1", "d2", "d3"]
    assert journal.deployments["d1"].state is DeploymentState.SUCCEEDED
    assert journal.deployments["d3"] is own
    state = journal.target_state("store")
    assert state.signatures == ["a", "b", "c"]
    assert state.refused_image_id == "sha256:1"
