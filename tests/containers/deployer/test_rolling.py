# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rolling updates of a small store, with a real engine."""

import time
from pathlib import Path

import pytest

from tests.containers.deployer.conftest import LINES, StartDeployer
from tests.containers.deployer.deployer_process import SECRET
from tests.containers.deployer.engine_relay import EngineRelay
from tests.containers.deployer.small_store import SmallStore
from tests.containers.engine import docker, wait_until

pytestmark = pytest.mark.containers


def test_updated_containers_are_still_compose_s(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    """`docker compose up` changes nothing afterwards."""
    before = shop.apps()
    deployer = start_deployer()
    shop.build("7")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "succeeded", ended
    assert SECRET not in deployer.log
    after = shop.apps()
    assert [each["Name"] for each in after] == [
        each["Name"] for each in before
    ]
    for old, new in zip(before, after, strict=True):
        assert new["Id"] != old["Id"]
        assert new["Image"] != old["Image"]
        mine, theirs = old["Config"]["Labels"], new["Config"]["Labels"]
        for label in ("config-hash", "container-number", "service"):
            key = f"com.docker.compose.{label}"
            assert mine[key] == theirs[key]
        assert "KEPT=as it was" in new["Config"]["Env"]
        assert {
            (each["Type"], each["Destination"], each.get("Name"))
            for each in old["Mounts"]
        } == {
            (each["Type"], each["Destination"], each.get("Name"))
            for each in new["Mounts"]
        }
        for key in ("ReadonlyRootfs", "CapDrop", "RestartPolicy", "Tmpfs"):
            assert new["HostConfig"][key] == old["HostConfig"][key]
        for network, endpoint in old["NetworkSettings"]["Networks"].items():
            found = new["NetworkSettings"]["Networks"][network]
            assert sorted(found["Aliases"]) == sorted(endpoint["Aliases"])
        assert (
            docker("exec", new["Id"], "cat", "/run/secrets/key")
            == "a secret of the store"
        )
    shop.compose("up", "--detach", "--wait")
    assert [each["Id"] for each in shop.apps()] == [
        each["Id"] for each in after
    ]


@pytest.mark.parametrize(
    ("line", "seconds"), [("", 20), ("drain_seconds = 7\n", 7)]
)
def test_delay_and_grace_period_are_kept(
    shop: SmallStore,
    start_deployer: StartDeployer,
    tmp_path: Path,
    line: str,
    seconds: int,
) -> None:
    shop.build(f"drained-{seconds}")
    with EngineRelay(tmp_path / "engine.sock") as relay:
        deployer = start_deployer(
            f"{LINES}delay_seconds = 1\n{line}", engine=relay.url
        )
        began = time.monotonic()
        made = deployer.push(f"{shop.name}/store")
        wait_until(
            lambda: any("/create?" in each for each in relay.requests), ""
        )
        assert time.monotonic() - began >= 1
        ended = deployer.wait(made)
        deployer.stop()
    assert ended["state"] == "succeeded", ended
    assert ended["lines"][0] == "waiting 1 s"
    stops = [each for each in relay.requests if "/stop?" in each]
    assert len(stops) == 2
    assert all(each.endswith(f"/stop?t={seconds}") for each in stops)


def test_same_image_changes_nothing(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    deployer = start_deployer()
    before = [each["Id"] for each in shop.apps()]
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "unchanged"
    assert [each["Id"] for each in shop.apps()] == before


def test_rollback_is_not_undone_by_the_next_hook(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    deployer = start_deployer()
    was = shop.versions()[0]
    # Without a registry, an image's name is what makes it the target's.
    current = shop.apps()[0]["Image"]
    docker("tag", current, f"{shop.name}/store:previous-version")
    shop.build("8")
    assert deployer.wait(deployer.push(f"{shop.name}/store"))["state"] == (
        "succeeded"
    )
    said = deployer.run("rollback", shop.name)
    assert said.returncode == 0, said.stderr
    assert shop.versions() == [was] * 2
    # Version 8 is pushed once more.
    shop.build("8")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert (ended["state"], ended["reason"]) == (
        "unchanged",
        "this image was rolled back",
    )
    assert shop.versions() == [was] * 2
    shown = deployer.run("deployments").stdout
    assert "rollback" not in shown.splitlines()[0]
    assert "succeeded" in shown


def test_failure_of_the_second_replica_restores_the_first(
    shop: SmallStore, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    before = shop.versions()
    shop.build(f"half-{time.time_ns()}")
    with EngineRelay(tmp_path / "engine.sock") as relay:

        def refuse(request: str) -> bytes | None:
            made = [each for each in relay.requests if "/create?" in each]
            if "/create?" in request and len(made) == 2:
                return b'{"message": "no space left on device"}'
            return None

        relay.instead = refuse
        deployer = start_deployer(engine=relay.url)
        ended = deployer.wait(deployer.push(f"{shop.name}/store"))
        deployer.stop()
    assert ended["state"] == "failed", ended
    assert "no space left" in ended["reason"]
    assert shop.versions() == before
    assert len(shop.apps()) == 2
