# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rollouts through the gate: what is replaced, in which order, and when."""

import base64
import json

import pytest

from msrv.deployer.config_model import DeployConfig
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from tests.deployer.fake_engine_objects import NONCE
from tests.deployer.rollout.conftest import StartHost
from tests.deployer.rollout.simulated_host import (
    ENDED_AT,
    REPLICAS,
    REPOSITORY,
    SimulatedHost,
)


async def test_update_replaces_every_replica(host: SimulatedHost) -> None:
    new = host.engine.push("new", REPOSITORY)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert host.replicas() == dict.fromkeys(REPLICAS, new)
    assert (deployment.done, deployment.replicas) == (2, 2)
    assert (deployment.have_bytes, deployment.of_bytes) == (5, 10)
    assert deployment.image_id == new
    assert deployment.reference.startswith(f"{REPOSITORY}@sha256:")
    assert host.engine.tags == {
        f"{REPOSITORY}:latest": new,
        "msrv-deployer/store:before": host.old_image,
        "msrv-deployer/store:previous": host.old_image,
    }
    successor = host.engine.named("msrv-app-1")
    assert successor["Config"]["Env"] == [NONCE]
    assert successor["HostConfig"]["Binds"] == ["/srv/music:/library:ro"]
    networks = successor["NetworkSettings"]["Networks"]
    assert networks == {"msrv_edge": {"Aliases": ["app"]}}


@pytest.mark.parametrize("digest", ["", "no-such-image"])
async def test_final_state_is_never_without_the_time_of_the_end(
    host: SimulatedHost, monkeypatch: pytest.MonkeyPatch, digest: str
) -> None:
    """An operator's program asks at any moment, also while it is saved."""
    seen: list[tuple[DeploymentState, int | None]] = []
    save = host.journal.save

    async def save_and_look(deployment: Deployment) -> None:
        seen.append((deployment.state, deployment.ended_at))
        await save(deployment)

    monkeypatch.setattr(host.journal, "save", save_and_look)
    if digest:
        host.engine.remote_tags.clear()
    await host.deploy()
    final = [ended for state, ended in seen if state.is_final]
    assert final
    assert set(final) == {int(ENDED_AT)}


async def test_old_container_is_stopped_after_the_new_one_has_its_names(
    host: SimulatedHost,
) -> None:
    host.engine.push("new", REPOSITORY)
    await host.deploy()
    per_replica = ["create", "start", "stop", "remove", "rename"]
    assert host.changes() == per_replica * 2
    order = [
        each.rpartition("/")[2]
        for each in host.engine.requests
        if each.endswith(("/start", "/connect", "/disconnect", "/stop"))
    ]
    assert order == ["start", "disconnect", "connect", "stop"] * 2


async def test_recreate_stops_the_old_container_first(
    start_host: StartHost,
) -> None:
    host = await start_host(strategy="recreate")
    new = host.engine.push("new", REPOSITORY)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert host.replicas() == dict.fromkeys(REPLICAS, new)
    per_replica = ["create", "stop", "start", "remove", "rename"]
    assert host.changes() == per_replica * 2


async def test_same_image_changes_nothing(host: SimulatedHost) -> None:
    digest = host.engine.images[host.old_image].repo_digests[0]
    host.engine.remote_tags[f"{REPOSITORY}:latest"] = digest.partition("@")[2]
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.UNCHANGED
    assert host.changes() == []


async def test_login_is_sent_with_the_lookup_and_the_pull(
    host: SimulatedHost,
) -> None:
    host.config = DeployConfig.model_validate(
        {
            "registries": {
                "docker.io": {"username": "me", "password": "secret"}
            },
            "targets": host.config.targets,
        }
    )
    host.engine.push("new", REPOSITORY)
    await host.deploy()
    assert len(host.engine.logins) == 2
    for login in host.engine.logins:
        decoded = json.loads(base64.urlsafe_b64decode(login))
        assert decoded["username"] == "me"
        assert decoded["password"] == "secret"


async def test_image_of_the_machine_is_deployed_without_a_registry(
    start_host: StartHost,
) -> None:
    host = await start_host(pull=False)
    new = host.engine.add_image("built here")
    host.engine.tags[f"{REPOSITORY}:latest"] = new
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert deployment.reference == new
    assert host.replicas() == dict.fromkeys(REPLICAS, new)


async def test_image_without_a_health_check_has_to_stay_up(
    host: SimulatedHost,
) -> None:
    new = host.engine.push("new", REPOSITORY, "none")
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert host.replicas() == dict.fromkeys(REPLICAS, new)


async def test_rollback_returns_to_the_previous_image(
    host: SimulatedHost,
) -> None:
    new = host.engine.push("new", REPOSITORY)
    await host.deploy()
    deployment = await host.deploy("rollback")
    assert deployment.state is DeploymentState.SUCCEEDED
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
    # A hook doesn't bring back what was rolled back.
    again = await host.deploy()
    assert again.state is DeploymentState.UNCHANGED
    assert again.reason == "this image was rolled back"
    # Another image ends that.
    newer = host.engine.push("newer", REPOSITORY)
    assert (await host.deploy()).state is DeploymentState.SUCCEEDED
    assert host.replicas() == dict.fromkeys(REPLICAS, newer)
    assert new != newer


async def test_rollback_without_a_previous_image_fails(
    host: SimulatedHost,
) -> None:
    deployment = await host.deploy("rollback")
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == "there is no previous image"


@pytest.mark.parametrize("exist", [False, True])
async def test_service_of_which_nothing_runs_fails(
    host: SimulatedHost, *, exist: bool
) -> None:
    host.engine.push("new", REPOSITORY)
    if exist:
        for each in host.engine.containers.values():
            each["State"] = {"Running": False, "ExitCode": 1}
    else:
        host.engine.containers.clear()
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == (
        "no container of the target is running: start the service first"
    )
    assert host.changes() == []


async def test_stopped_replica_stays_as_it_is(host: SimulatedHost) -> None:
    new = host.engine.push("new", REPOSITORY)
    stopped = host.engine.named("msrv-app-2")
    stopped["State"] = {"Running": False}
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert (deployment.done, deployment.replicas) == (1, 1)
    assert host.replicas() == {"msrv-app-1": new}
    assert host.engine.named("msrv-app-2") is stopped


async def test_published_port_needs_recreate(host: SimulatedHost) -> None:
    host.engine.push("new", REPOSITORY)
    for name in REPLICAS:
        host.engine.named(name)["HostConfig"]["PortBindings"] = {
            "80/tcp": [{"HostPort": "80"}]
        }
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == (
        "msrv-app-1 can't run beside its successor: it publishes 80/tcp on a "
        'fixed port of the host; set strategy = "recreate"'
    )
    assert host.changes() == []


async def test_container_with_rm_is_refused_by_the_gate(
    host: SimulatedHost,
) -> None:
    host.engine.push("new", REPOSITORY)
    host.engine.named("msrv-app-1")["HostConfig"]["AutoRemove"] = True
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == (
        "the successor of msrv-app-1 can't be created: msrv-app-1 runs with "
        "--rm, so it could not be restored"
    )
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)


async def test_own_container_is_replaced_last(host: SimulatedHost) -> None:
    host.engine.push("new", REPOSITORY)
    own = host.engine.named("msrv-app-1")["Id"]
    deployment = host.deployment()
    await host.rollout(deployment, own).run()
    assert deployment.state is DeploymentState.SUCCEEDED
    stops = [each for each in host.engine.requests if each.endswith("/stop")]
    assert stops[-1] == f"POST containers/{own}/stop"


async def test_own_container_can_not_be_recreated(
    start_host: StartHost,
) -> None:
    host = await start_host(strategy="recreate")
    host.engine.containers.pop(host.engine.named("msrv-app-2")["Id"])
    host.engine.push("new", REPOSITORY)
    deployment = host.deployment()
    own = host.engine.named("msrv-app-1")["Id"]
    await host.rollout(deployment, own).run()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason.endswith('set strategy = "rolling"')


async def test_engine_without_a_gate_is_refused(
    host: SimulatedHost, aiohttp_server: object
) -> None:
    """An engine would create an empty container from the same request."""
    new = host.engine.push("new", REPOSITORY)
    server = await aiohttp_server(host.engine.app())  # type: ignore[operator]
    async with EngineClient(f"http://127.0.0.1:{server.port}") as client:
        host.client = client
        deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert "not the address of a gate" in deployment.reason
    assert new not in {
        each["Image"] for each in host.engine.containers.values()
    }
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
