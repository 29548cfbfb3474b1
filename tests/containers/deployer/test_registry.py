# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A push to a real registry, its own web hook, and a pull by digest."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers.deployer.conftest import StartDeployer, registry_lines
from tests.containers.deployer.deployer_process import (
    REGISTRY,
    DeployerProcess,
)
from tests.containers.deployer.engine_programs import Registry
from tests.containers.deployer.small_store import SmallStore, build_and_push
from tests.containers.engine import inspect_object, wait_until
from tests.store_process import free_port

pytestmark = pytest.mark.containers

ENVELOPE = "vnd.docker.distribution.events.v2+json"


@pytest.fixture
def notifying_registry(
    registry_program: Path, shop: SmallStore, tmp_path: Path
) -> Iterator[tuple[Registry, int]]:
    """A registry that sends hooks, and the port that it sends them to."""
    port = free_port()
    found = Registry(registry_program, tmp_path / "registry")
    found.start(
        f"http://127.0.0.1:{port}/hooks/registry/{shop.name}", REGISTRY
    )
    yield found, port
    found.end()


def envelope(name: str, digest: str) -> dict[str, Any]:
    """Return what a registry posts: a layer, then the manifest."""
    return {
        "events": [
            {
                "id": str(uuid.uuid4()),
                "action": "push",
                "target": {"repository": name, "digest": "sha256:0"},
            },
            {
                "id": str(uuid.uuid4()),
                "action": "push",
                "target": {
                    "repository": name,
                    "tag": "latest",
                    "digest": digest,
                },
                "request": {"host": "localhost:5000"},
            },
        ]
    }


def post(deployer: DeployerProcess, data: object) -> Any:  # noqa: ANN401 - JSON
    """POST an envelope as the registry does."""
    request = urllib.request.Request(
        f"{deployer.url}/hooks/registry/{deployer.target}",
        data=json.dumps(data).encode(),
        headers={
            "Authorization": f"Bearer {REGISTRY}",
            "Content-Type": f"application/{ENVELOPE}",
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202
        return json.load(answer)


def running(shop: SmallStore) -> set[str]:
    """Return the repository digests of the shop's images."""
    return {
        digest
        for each in shop.apps()
        for digest in inspect_object(each["Image"])["RepoDigests"]
    }


def test_pushed_image_runs_by_its_digest(
    shop: SmallStore, registry: Registry, start_deployer: StartDeployer
) -> None:
    repository = f"{registry.host}/{shop.name}"
    digest = build_and_push(shop, repository, "pulled")
    deployer = start_deployer(registry_lines(repository))
    made = post(deployer, envelope(shop.name, "sha256:" + "f" * 64))
    ended = deployer.wait(made["id"], 90)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == ["pulled"] * 2
    # The digest is the registry's, not the payload's.
    assert running(shop) == {f"{repository}@{digest}"}
    assert any("pulling" in line for line in ended["lines"])


def test_registry_sends_a_hook_that_starts_one_deployment(
    shop: SmallStore,
    notifying_registry: tuple[Registry, int],
    start_deployer: StartDeployer,
) -> None:
    registry, port = notifying_registry
    repository = f"{registry.host}/{shop.name}"
    digest = build_and_push(shop, repository, "told")
    # A registry retries until the deployer is up.
    deployer = start_deployer(registry_lines(repository), port=port)
    found: list[dict[str, str]] = []

    def is_told() -> bool:
        found[:] = deployer.request("/deployments")["deployments"]
        return bool(found)

    wait_until(is_told, "the registry has sent a hook")
    # A push is an event for each layer, and one deployment.
    ended = deployer.wait(found[0]["id"], 90)
    assert (ended["state"], ended["cause"]) == ("succeeded", "registry")
    assert shop.versions() == ["told"] * 2
    assert running(shop) == {f"{repository}@{digest}"}
    # The pull is an event too, and starts nothing.
    (_,) = deployer.request("/deployments")["deployments"]
    assert "ignored a hook (registry): it reports no push" in deployer.log
    assert REGISTRY not in deployer.log
