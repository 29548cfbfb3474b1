"""A push to a real registry, its own web hook, and a pull by digest."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require
from tests.containers.deployer.conftest import LINES, StartDeployer
from tests.containers.deployer.rig import (
    REGISTRY,
    Running,
    Shop,
    docker,
    inspected,
)

pytestmark = pytest.mark.containers

HOST = "localhost:5000"
ENVELOPE = "vnd.docker.distribution.events.v2+json"


def registry_answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}/v2/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def repository(shop: Shop) -> Iterator[str]:
    """A repository of this test alone, in the registry of this machine."""
    require(
        "registry",
        there=registry_answers(),
        lack=f"no registry answers on {HOST}",
    )
    name = f"{HOST}/{shop.name}"
    yield name
    for image in docker("images", "--quiet", name).split():
        docker("image", "rm", "--force", image, check=False)


def pushed(shop: Shop, repository: str, version: str) -> str:
    """Build a version and push it; its digest."""
    shop.build(version)
    docker("tag", f"{shop.name}/store:latest", f"{repository}:latest")
    docker("push", "--quiet", f"{repository}:latest")
    found = docker(
        "image",
        "inspect",
        "--format",
        "{{index .RepoDigests 0}}",
        f"{repository}:latest",
    )
    # This machine forgets it: what runs next has to be pulled.
    docker("image", "rm", "--force", f"{repository}:latest")
    docker("image", "rm", "--force", f"{shop.name}/store:latest", check=False)
    return found.strip().partition("@")[2]


def envelope(name: str, digest: str) -> dict[str, Any]:
    """Write what a registry posts: a layer, then the manifest."""
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
                "request": {"host": HOST},
            },
        ]
    }


def post(deployer: Running, data: object) -> Any:  # noqa: ANN401 - JSON
    """POST an envelope, as the registry does."""
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


def test_what_was_pushed_runs_by_its_digest(
    shop: Shop, repository: str, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    """Another image than the one in the registry runs, or none."""
    assert tmp_path
    digest = pushed(shop, repository, "pulled")
    deployer = start_deployer(
        LINES.replace("pull = false", "pull = true").replace(
            "{name}/store", repository
        )
    )
    made = post(deployer, envelope(shop.name, "sha256:" + "f" * 64))
    ended = deployer.wait(made["id"], 90)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == ["pulled"] * 2
    # The digest is the registry's; what the payload said was a hint.
    for each in shop.apps():
        assert inspected(each["Id"])["Config"]["Image"] == (
            f"{repository}@{digest}"
        )
    assert ended["of_bytes"] >= 0
    assert any("pulling" in line for line in ended["lines"])
