# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The production stack with its deployer: hooks, isolation, and the edge."""

import json
import urllib.error
from collections.abc import Iterator

import pytest

from tests.containers.buyer import Response
from tests.containers.deployer.production_stack import (
    HUB_SECRET,
    TOKEN,
    ProductionStack,
)
from tests.containers.engine import docker, inspect_object, succeeds

pytestmark = pytest.mark.containers

ASK = """
import json, sys, urllib.error, urllib.request
for method, url in json.loads(sys.argv[1]):
    request = urllib.request.Request(url, method=method, data=b"{}")
    try:
        status = urllib.request.urlopen(request, timeout=2).status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = None
    print(json.dumps(status))
"""


@pytest.fixture(scope="module", autouse=True)
def no_secret_is_logged(stack: ProductionStack) -> Iterator[None]:
    """Check that no secret is in any log after these tests."""
    yield
    for service in ("nginx", "app", "deployer", "gate"):
        lines = " ".join(stack.project.logs(service))
        assert lines
        assert HUB_SECRET not in lines
        assert TOKEN not in lines


def asked_from(container: str, *requests: tuple[str, str]) -> list[int | None]:
    """Send requests from a container; their statuses, None if unreachable."""
    said = docker("exec", container, "python", "-c", ASK, json.dumps(requests))
    return [json.loads(line) for line in said.splitlines()]


def test_hook_at_the_edge_updates_the_store(stack: ProductionStack) -> None:
    """Compose recognises the new containers, and leaves them as they are."""
    before = [inspect_object(each) for each in stack.project.containers("app")]
    digest = stack.push("hooked")
    made = stack.send_hook(stack.store)
    # The command of docs/deployer.md.
    shown = stack.deployer("deployments", made)
    assert f"pulling {digest}" in shown
    assert shown.splitlines()[-1] == f"{stack.store}: succeeded"
    after = [inspect_object(each) for each in stack.project.containers("app")]
    assert stack.versions() == ["hooked"] * 2
    for old, new in zip(before, after, strict=True):
        assert new["Name"] == old["Name"]
        assert digest in inspect_object(new["Image"])["RepoDigests"]
        assert new["State"]["Health"]["Status"] == "healthy"
        assert new["Config"]["Env"] == old["Config"]["Env"]
        for key in (
            "ReadonlyRootfs",
            "CapDrop",
            "SecurityOpt",
            "Memory",
            "PidsLimit",
            "Init",
            "RestartPolicy",
            "LogConfig",
        ):
            assert new["HostConfig"][key] == old["HostConfig"][key]
        assert sorted(each["Destination"] for each in new["Mounts"]) == sorted(
            each["Destination"] for each in old["Mounts"]
        )
        mine, theirs = old["Config"]["Labels"], new["Config"]["Labels"]
        for label in ("project", "service", "config-hash", "container-number"):
            key = f"com.docker.compose.{label}"
            assert mine[key] == theirs[key]
    # What Compose compares is equal, so it leaves them as they are.
    hashes = stack.project("config", "--hash", "app").split()
    current = inspect_object("--type=image", f"{stack.repository}:latest")
    for new in after:
        labels = new["Config"]["Labels"]
        assert labels["com.docker.compose.config-hash"] == hashes[1]
        assert labels["com.docker.compose.image"] == current["Id"]
    stack.project("run", "--rm", "migrate")
    assert stack.project.containers("app") == [each["Id"] for each in after]
    assert stack.buyer.buy("short")


def test_client_s_address_is_known_behind_the_edge(
    stack: ProductionStack,
) -> None:
    assert stack.hook(stack.store, "wrong" * 5).status == 404
    stack.wait(stack.send_hook(stack.store))
    found = [
        json.loads(line)
        for line in stack.project.logs("deployer")
        if "a hook (dockerhub)" in line
    ]
    ours = {
        each["IPAddress"]
        for each in inspect_object(stack.container("nginx"))[
            "NetworkSettings"
        ]["Networks"].values()
    }
    assert found[-1]["client"] not in ours


def test_api_requires_the_token_on_the_internal_network(
    stack: ProductionStack,
) -> None:
    for token in ("wrong", ""):
        with pytest.raises(urllib.error.HTTPError) as caught:
            stack.request("/deployments", token)
        with caught.value:
            assert caught.value.code == 401
    assert stack.request("/deployments")["deployments"]


@pytest.mark.parametrize(
    "path",
    [
        "/hooks/dockerhub/{store}/wrong-secret-of-some-length",
        "/hooks/dockerhub/nobody/{secret}",
        "/hooks/generic/{store}",
        "/hooks/registry/{store}",
        "/hooks/",
        "/hooks/nothing",
    ],
)
def test_wrong_secret_is_a_404_at_the_edge(
    stack: ProductionStack, path: str
) -> None:
    path = path.format(store=stack.store, secret=HUB_SECRET)
    answer = stack.buyer.request(path, method="POST", body=b"{}")
    assert answer.status == 404
    assert TOKEN not in str(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/deployments",
        "/-/metrics",
        "/hooks/../deployments",
        "/hooks/%2e%2e/deployments",
        "/hooks/..%2fdeployments",
        "/hooks/x/../../deployments",
        "/hooks//deployments",
        "/deployments/..%2fhooks%2f",
        "/deployments/..%2Fhooks%2Fx",
        "/deployments/%2e%2e/hooks/",
        "/rollback/..%2fhooks%2f",
        "//hooks/../deployments",
        "/hooks/?/../deployments",
        "/HOOKS/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_edge_forwards_only_hooks(
    stack: ProductionStack, path: str, method: str
) -> None:
    # With the token, the deployer itself would list them.
    for token in (TOKEN, "wrong"):
        answer: Response = stack.buyer.request(
            path,
            {"Authorization": f"Bearer {token}"},
            method=method,
            body=b"{}" if method == "POST" else None,
        )
        assert answer.status in {403, 404, 405}
        assert b'"deployments"' not in answer.body


def test_edge_refuses_a_body_that_is_too_long(stack: ProductionStack) -> None:
    answer = stack.buyer.request(
        f"/hooks/dockerhub/{stack.store}/{HUB_SECRET}",
        method="POST",
        body=b" " * (10 << 20),
    )
    assert answer.status == 413


@pytest.mark.parametrize("service", ["deployer", "gate"])
def test_container_is_unprivileged(
    stack: ProductionStack, service: str
) -> None:
    name = stack.container(service)
    found = inspect_object(name)
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < host["Memory"] <= 256 << 20
    assert 0 < host["PidsLimit"] <= 64
    assert not any(found["NetworkSettings"]["Ports"].values())
    assert found["State"]["Health"]["Status"] == "healthy"
    assert not succeeds("exec", name, "touch", "/app/x")
    status = docker("exec", name, "cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    has_socket = any(
        "docker.sock" in each["Source"] for each in found["Mounts"]
    )
    assert has_socket is (service == "gate")
    user = docker("exec", name, "id", "-u").strip()
    assert (user == "0") is (service == "gate")


def test_deployer_reaches_nothing_but_the_gate_s_paths(
    stack: ProductionStack,
) -> None:
    database = stack.container("db")
    app = stack.project.containers("app")[0]
    api = "http://gate:8000/v1.44"
    assert asked_from(
        stack.container("deployer"),
        ("GET", f"{api}/containers/{app}/json"),
        ("GET", f"{api}/containers/json?all=1"),
        ("GET", f"{api}/containers/{database}/json"),
        ("POST", f"{api}/containers/{database}/stop"),
        ("DELETE", f"{api}/containers/{database}?force=1"),
        ("DELETE", f"{api}/containers/{app}?force=1"),
        ("POST", f"{api}/containers/{app}/exec"),
        ("POST", f"{api}/containers/create?name=x"),
        ("POST", f"{api}/images/create?fromImage=evil/b&tag=latest"),
        ("POST", f"{api}/build"),
        ("GET", f"{api}/info"),
        ("GET", f"{api}/secrets"),
        ("GET", "http://app:8000/-/health"),
        ("GET", "http://db:3306/"),
    ) == [200, *[403] * 5, 404, 403, 403, 404, 404, 404, None, None]
    assert inspect_object(database)["State"]["Running"]


@pytest.mark.parametrize("service", ["app", "nginx"])
def test_gate_is_reachable_by_the_deployer_alone(
    stack: ProductionStack, service: str
) -> None:
    gate = inspect_object(stack.container("gate"))["NetworkSettings"][
        "Networks"
    ]
    assert set(gate) == {f"{stack.project.name}_engine"}
    (network,) = gate.values()
    other = stack.project.containers(service)[0]
    assert not set(gate) & set(
        inspect_object(other)["NetworkSettings"]["Networks"]
    )
    if service == "app":
        address = network["IPAddress"]
        assert (
            asked_from(
                other,
                ("GET", "http://gate:8000/-/health"),
                ("GET", f"http://{address}:8000/-/health"),
                ("GET", "http://deployer:8000/-/health"),
            )
            == [None] * 3
        )
