# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to the gate for containers: what is forwarded, and what isn't."""

import json

import pytest
from aiohttp import web

from msrv.deployer.engine.container import NAME, REPLACES
from msrv.deployer.gate.upstream import POLICY
from tests.deployer.fake_engine_objects import NONCE, error
from tests.deployer.gate.running_gate import RunningGate, StartGate

SUCCESSOR = "msrv-app-1-abc123de"


@pytest.fixture
async def gate(start_gate: StartGate) -> RunningGate:
    """A gate with one target, the store."""
    return await start_gate()


async def create_successor(gate: RunningGate) -> str:
    """Create a successor of the store; its id."""
    status, text = await gate.create(gate.good)
    assert status == 201
    return str(json.loads(text)["Id"])


def labels(**services: str) -> str:
    """Return the filters that list the containers of a service."""
    return json.dumps(
        {
            "label": [
                f"com.docker.compose.{key}={value}"
                for key, value in services.items()
            ]
        }
    )


async def test_values_of_the_environment_are_hidden(gate: RunningGate) -> None:
    status, text = await gate.request("GET", f"containers/{gate.store}/json")
    assert status == 200
    assert json.loads(text)["Config"]["Env"] == ["NONCE"]
    assert NONCE.partition("=")[2] not in text


async def test_only_containers_of_a_target_are_listed(
    gate: RunningGate,
) -> None:
    status, text = await gate.request(
        "GET",
        "containers/json",
        filters=labels(project="msrv", service="app"),
    )
    assert status == 200
    assert [each["Id"] for each in json.loads(text)] == [gate.store]
    for filters in (labels(project="msrv", service="db"), "", "{}"):
        status, _ = await gate.request(
            "GET", "containers/json", filters=filters
        )
        assert status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "json"),
        ("GET", "logs"),
        ("POST", "start"),
        ("POST", "stop"),
        ("POST", "rename"),
        ("DELETE", ""),
    ],
)
async def test_containers_of_no_target_are_refused(
    gate: RunningGate, method: str, path: str
) -> None:
    status, text = await gate.request(
        method, f"containers/{gate.database}/{path}".rstrip("/")
    )
    assert status == 403
    assert json.loads(text)["message"] == (
        "the gate doesn't allow this: the container belongs to no target"
    )
    assert gate.engine.requests == [f"GET containers/{gate.database}/json"]


@pytest.mark.parametrize("seconds", ["-1", "1e3", "x", "999999", "\u0661"])
async def test_grace_period_must_be_a_number_of_seconds(
    gate: RunningGate, seconds: str
) -> None:
    path = f"containers/{gate.store}/stop"
    assert (await gate.request("POST", path, t=seconds))[0] == 403
    assert gate.engine.containers[gate.store]["State"]["Running"]
    assert (await gate.request("POST", path, t="75"))[0] == 204
    assert not gate.engine.containers[gate.store]["State"]["Running"]


@pytest.mark.parametrize(
    "name", ["", "x", "other-1", "msrv-app-1", "msrv-app-1-", "msrv-app-1-A/b"]
)
async def test_successor_is_named_after_its_predecessor(
    gate: RunningGate, name: str
) -> None:
    status, text = await gate.request(
        "POST",
        "containers/create",
        {"Image": gate.good, "Labels": {REPLACES: gate.store}},
        name=name,
    )
    assert (status, "begins with its predecessor's" in text) == (403, True)
    assert gate.engine.created == 0


@pytest.mark.parametrize(
    "body", [[], "text", None, {}, {"Labels": 1}, {"Labels": {REPLACES: "/"}}]
)
async def test_creation_without_a_predecessor_is_refused(
    gate: RunningGate, body: object
) -> None:
    status, _ = await gate.request(
        "POST", "containers/create", body, name=SUCCESSOR
    )
    assert status == 403
    assert gate.engine.created == 0


async def test_successor_of_another_target_s_container_is_refused(
    gate: RunningGate,
) -> None:
    status, _ = await gate.request(
        "POST",
        "containers/create",
        {"Image": gate.good, "Labels": {REPLACES: gate.database}},
        name="msrv-db-1-abc123",
    )
    assert status == 403
    assert gate.engine.created == 0


async def test_what_a_request_has_beside_image_and_predecessor_is_ignored(
    gate: RunningGate,
) -> None:
    status, _ = await gate.request(
        "POST",
        "containers/create",
        {
            "Image": gate.good,
            "Labels": {REPLACES: gate.store, NAME: "msrv-db-1"},
            "Cmd": ["sh"],
            "HostConfig": {"Privileged": True, "Binds": ["/:/host"]},
        },
        name=SUCCESSOR,
    )
    assert status == 201
    created = gate.engine.named(SUCCESSOR)
    assert created["HostConfig"]["Binds"] == ["/srv/music:/library:ro"]
    assert "Privileged" not in created["HostConfig"]
    assert "Cmd" not in created["Config"]
    assert created["Config"]["Labels"][NAME] == "msrv-app-1"


async def test_successor_is_renamed_to_its_predecessor_s_name_alone(
    gate: RunningGate,
) -> None:
    created = await create_successor(gate)
    path = f"containers/{created}/rename"
    assert (await gate.request("POST", path, name="msrv-db-1"))[0] == 403
    assert (await gate.request("POST", path, name="msrv-app-1"))[0] == 204
    path = f"containers/{gate.store}/rename"
    assert (await gate.request("POST", path, name="msrv-app-1"))[0] == 403


async def test_only_a_successor_is_removed_by_force(gate: RunningGate) -> None:
    created = await create_successor(gate)
    path = f"containers/{gate.store}"
    assert (await gate.request("DELETE", path, force="1"))[0] == 403
    # The engine itself refuses to remove what runs.
    assert (await gate.request("DELETE", path))[0] == 409
    path = f"containers/{created}"
    assert (await gate.request("DELETE", path, force="1"))[0] == 204
    assert set(gate.engine.containers) == {gate.store, gate.database}


@pytest.mark.parametrize("name", ["msrv-app-1", "msrv-app-1-backup"])
async def test_successor_with_another_name_is_not_removed_by_force(
    gate: RunningGate, name: str
) -> None:
    """It serves in its predecessor's place, or an operator has renamed it."""
    created = await create_successor(gate)
    gate.engine.containers[created]["Name"] = f"/{name}"
    path = f"containers/{created}"
    assert (await gate.request("DELETE", path, force="1"))[0] == 403
    assert created in gate.engine.containers


@pytest.mark.parametrize("verb", ["connect", "disconnect"])
async def test_only_a_successor_changes_networks(
    gate: RunningGate, verb: str
) -> None:
    status, text = await gate.request(
        "POST", f"networks/msrv_edge/{verb}", {"Container": gate.store}
    )
    assert (status, "not a successor" in text) == (403, True)


async def test_names_of_another_target_s_container_are_refused(
    gate: RunningGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gate.client.app
    policy = gate.client.app[POLICY]
    database = policy.targets[0].model_copy(
        update={"name": "database", "service": "db"}
    )
    monkeypatch.setattr(policy, "targets", (*policy.targets, database))
    created = await create_successor(gate)
    container = gate.engine.containers[created]
    container["Config"]["Labels"][REPLACES] = gate.database
    status, text = await gate.request(
        "POST", "networks/msrv_edge/connect", {"Container": created}
    )
    assert (status, "belongs to another target" in text) == (403, True)


async def test_logs_are_the_last_lines(gate: RunningGate) -> None:
    lines: list[str] = []

    async def note(line: str) -> web.StreamResponse | None:
        lines.append(line)
        return None

    gate.engine.before = note
    status, text = await gate.request(
        "GET", f"containers/{gate.store}/logs", tail="all", follow="1"
    )
    assert (status, text) == (200, "first line\nlast line\n")
    assert lines[-1].endswith("/logs?stdout=1&stderr=1&tail=20")


async def test_unavailable_engine_is_a_502(gate: RunningGate) -> None:
    async def fail(_: str) -> web.StreamResponse | None:
        return error(503, "starting up")

    gate.engine.before = fail
    status, text = await gate.request("GET", f"containers/{gate.store}/json")
    assert status == 502
    assert json.loads(text)["message"] == (
        "the engine is unavailable: the engine can't be reached: starting up"
    )
    assert (await gate.client.get("/-/health")).status == 502


async def test_refusal_of_the_engine_is_forwarded(gate: RunningGate) -> None:
    async def fail(line: str) -> web.StreamResponse | None:
        return error(507, "disk full") if "/start" in line else None

    gate.engine.before = fail
    status, text = await gate.request("POST", f"containers/{gate.store}/start")
    assert (status, json.loads(text)["message"]) == (507, "disk full")
    assert (await gate.client.get("/-/health")).status == 200


@pytest.mark.parametrize(
    "path", ["info", "secrets", "volumes", "containers/x/exec", "build", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_other_paths_do_not_exist(
    gate: RunningGate, method: str, path: str
) -> None:
    assert (await gate.request(method, path))[0] in {404, 405}
    assert gate.engine.requests == []
