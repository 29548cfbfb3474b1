# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Journal of deployments: what survives a restart, and other versions."""

import json
from pathlib import Path

from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.journal import MAX_DEPLOYMENTS, DeploymentJournal


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
