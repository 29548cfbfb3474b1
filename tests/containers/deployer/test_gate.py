# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Gate in front of a real engine: an update, and what it forbids."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from msrv.deployer.engine.docker import API
from tests.containers.deployer.conftest import StartDeployer, registry_lines
from tests.containers.deployer.deployer_process import (
    start_process,
    stop_process,
)
from tests.containers.deployer.engine_programs import Registry
from tests.containers.deployer.small_store import SmallStore, build_and_push
from tests.containers.engine import docker, inspect_object

pytestmark = pytest.mark.containers


@pytest.fixture
def repository(shop: SmallStore, registry: Registry) -> str:
    """The repository that the shop's images are pushed to."""
    return f"{registry.host}/{shop.name}"


@pytest.fixture
def gate(shop: SmallStore, repository: str, tmp_path: Path) -> Iterator[str]:
    """A gate in a process of its own; its URL."""
    folder = tmp_path / "gate"
    folder.mkdir()
    config = registry_lines(repository).format(name=shop.name)
    (folder / "deploy.toml").write_text(
        f"[targets.{shop.name}]\n{config}", "utf-8"
    )
    process, url = start_process(
        folder,
        "engine-gate",
        {
            "PATH": os.environ["PATH"],
            "MSRV_DEPLOY_CONFIG": str(folder / "deploy.toml"),
            "MSRV_DATA": str(folder / "data"),
        },
    )
    yield url
    stop_process(process)


def ask(
    gate: str, method: str, path: str, body: object = None
) -> tuple[int, Any]:
    """Send a request to the gate; its status and response."""
    request = urllib.request.Request(
        f"{gate}/{API}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_update_and_rollback_through_the_gate(
    shop: SmallStore, repository: str, start_deployer: StartDeployer, gate: str
) -> None:
    deployer = start_deployer(registry_lines(repository), gate_url=gate)
    for version in ("first", "second"):
        build_and_push(shop, repository, version)
        ended = deployer.wait(deployer.push(f"{repository}"))
        assert ended["state"] == "succeeded", (ended, deployer.log)
        assert shop.versions() == [version] * 2
    for each in shop.apps():
        assert "KEPT=as it was" in each["Config"]["Env"]
        assert each["HostConfig"]["CapDrop"] == ["ALL"]
        shown = docker("exec", each["Id"], "cat", "/run/secrets/key")
        assert shown == "a secret of the store"
    assert deployer.run("rollback", shop.name).returncode == 0
    assert shop.versions() == ["first"] * 2


def test_no_tag_makes_a_foreign_image_the_target_s(
    shop: SmallStore, repository: str, gate: str
) -> None:
    evil = f"{shop.name}/evil:1"
    old = shop.apps()[0]
    name = f"{old['Name'].removeprefix('/')}-evil"
    docker("tag", "nginx:1.30-alpine", evil)
    kept = f"msrv-deployer/{shop.name}"
    try:
        identity = inspect_object(evil)["Id"]
        for image in (evil, identity):
            for named, tag in (
                (repository, "latest"),
                (kept, "previous"),
                (kept, "before"),
            ):
                path = f"/images/{image}/tag?repo={named}&tag={tag}"
                assert ask(gate, "POST", path)[0] == 403
        # A name from another program is no evidence for the gate.
        docker("tag", evil, f"{kept}:previous")
        docker("tag", evil, f"{repository}:latest")
        for image in (
            evil,
            identity,
            f"{kept}:previous",
            f"{repository}:latest",
        ):
            status, said = ask(
                gate,
                "POST",
                f"/containers/create?name={name}",
                {
                    "Image": image,
                    "Labels": {"msrv.deployer.replaces": old["Id"]},
                },
            )
            assert status == 403, (image, said)
            assert ask(gate, "GET", f"/images/{image}/json")[0] == 403
    finally:
        for image in (evil, f"{kept}:previous", f"{repository}:latest"):
            docker("image", "rm", image, check=False)
        docker("rm", "--force", name, check=False)


def test_gate_forbids_what_no_update_needs(
    shop: SmallStore, gate: str
) -> None:
    """Privileges and mounts in a request are ignored."""
    old, other = shop.apps()[0], shop.compose("ps", "-q", "edge").strip()
    labels = {"msrv.deployer.replaces": old["Id"]}
    name = f"{old['Name'].removeprefix('/')}-abc"
    refused = [
        ("GET", "/containers/json", None),
        ("GET", "/info", None),
        ("GET", f"/containers/{other}/json", None),
        ("POST", f"/containers/{other}/stop", None),
        ("DELETE", f"/containers/{other}?force=1", None),
        ("DELETE", f"/containers/{old['Id']}?force=1", None),
        ("POST", f"/containers/{old['Id']}/exec", {"Cmd": ["id"]}),
        ("GET", f"/containers/{old['Id']}/archive?path=/", None),
        ("POST", f"/containers/{old['Id']}/rename?name=x", None),
        ("POST", "/containers/create?name=x", {"Image": "nginx"}),
        (
            "POST",
            f"/containers/create?name={name}",
            {"Image": "nginx:1.30-alpine", "Labels": labels},
        ),
        ("POST", "/images/create?fromImage=evil/b&tag=latest", None),
        ("POST", "/build", None),
        ("POST", "/volumes/create", {}),
        ("POST", "/networks/create", {"Name": "x"}),
        (
            "POST",
            "/networks/host/connect",
            {"Container": old["Id"]},
        ),
    ]
    for method, path, body in refused:
        status, said = ask(gate, method, path, body)
        assert status in {403, 404, 405}, (method, path, status, said)
    # What a request has beside image and predecessor is not even read.
    status, made = ask(
        gate,
        "POST",
        f"/containers/create?name={name}",
        {
            "Image": old["Image"],
            "Labels": labels,
            "Cmd": ["sh", "-c", "cat /host/etc/shadow"],
            "HostConfig": {"Privileged": True, "Binds": ["/:/host"]},
        },
    )
    assert status == 201, made
    try:
        found = json.loads(docker("inspect", made["Id"]))[0]
        assert found["HostConfig"]["Privileged"] is False
        assert not found["HostConfig"]["Binds"]
        assert found["Config"]["Cmd"] == old["Config"]["Cmd"]
    finally:
        docker("rm", "--force", made["Id"])
    status, shown = ask(gate, "GET", f"/containers/{old['Id']}/json")
    assert status == 200
    assert "as it was" not in json.dumps(shown)
