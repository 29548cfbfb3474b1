# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Authorisation of hooks: forgeries, replays, limits, and the queue."""

import asyncio
import itertools
import json
import logging
import time

import pytest

from msrv.deployer.app_keys import GUARD
from tests.deployer.running_deployer import (
    GENERIC,
    NOW,
    REGISTRY,
    SECRET,
    TOKEN,
    RunningDeployer,
)

BODY = b'{"repository": "wetcoats/msrv", "tag": "latest"}'


async def test_genuine_hook_starts_a_deployment(
    deployer: RunningDeployer,
) -> None:
    answer = await deployer.dockerhub()
    assert answer.status == 202
    made = (await answer.json())["id"]
    await deployer.wait_until_idle()
    assert [each.id for each in deployer.started] == [made]


@pytest.mark.slow
async def test_ten_thousand_forged_hooks_start_nothing_and_delay_no_other(
    deployer: RunningDeployer,
) -> None:
    took: list[float] = []
    forged_took: list[float] = []

    async def forge(numbers: "itertools.count[int]") -> None:
        while (number := next(numbers)) < 10_000:
            client = f"192.0.{number % 200}.{number % 7}"
            began = time.monotonic()
            match number % 3:
                case 0:
                    answer = await deployer.dockerhub(
                        secret="wrong", client=client
                    )
                case 1:
                    answer = await deployer.generic(
                        BODY, key="wrong", client=client
                    )
                case _:
                    answer = await deployer.registry({}, token="wrong")
            forged_took.append(time.monotonic() - began)
            assert answer.status in {404, 429}

    async def genuine() -> None:
        for _ in range(5):
            await asyncio.sleep(0.3)
            began = time.monotonic()
            # From the very address of the forgers, too.
            answer = await deployer.dockerhub(client="192.0.1.1")
            took.append(time.monotonic() - began)
            assert answer.status == 202

    numbers = itertools.count()
    await asyncio.gather(genuine(), *(forge(numbers) for _ in range(50)))
    await deployer.wait_until_idle()
    assert all(each.cause == "dockerhub" for each in deployer.started)
    assert len(deployer.started) <= 5
    # Nobody waits for longer than the forgers do, however busy it is here.
    assert max(took) < 10 * max(forged_took)
    # What is remembered of strangers is bounded.
    assert len(deployer.client.app[GUARD]._forged) <= 4096


@pytest.mark.parametrize(
    "path",
    [
        "/hooks/dockerhub/store/wrong-secret-of-some-length",
        f"/hooks/dockerhub/nobody/{SECRET}",
        f"/hooks/dockerhub/bare/{SECRET}",
        f"/hooks/dockerhub/github/{SECRET}",
        "/hooks/dockerhub/store/%00",
        "/hooks/dockerhub/store/%F0%9F%92%A9",
        "/hooks/generic/store",
        "/hooks/generic/nobody",
        "/hooks/registry/store",
        "/hooks/registry/github",
        "/hooks/else/store",
        "/nothing",
    ],
)
async def test_wrong_secret_gets_the_same_404_as_an_unknown_path(
    deployer: RunningDeployer, path: str
) -> None:
    """The response doesn't show which targets exist."""
    answer = await deployer.client.post(path, data=BODY)
    nothing = await deployer.client.post("/", data=BODY)
    assert (answer.status, await answer.text()) == (404, "404: Not Found")
    assert {*answer.headers} == {*nothing.headers}
    await deployer.wait_until_idle()
    assert deployer.started == []


async def test_client_is_limited_after_thirty_forged_hooks(
    deployer: RunningDeployer,
) -> None:
    statuses = [
        (await deployer.dockerhub(secret="wrong")).status for _ in range(40)
    ]
    assert statuses == [404] * 30 + [429] * 10
    answer = await deployer.dockerhub(secret="wrong")
    assert int(answer.headers["Retry-After"]) >= 1
    deployer.ticks[0] += 10
    assert (await deployer.dockerhub(secret="wrong")).status == 404


async def test_target_is_limited_after_twenty_genuine_hooks(
    deployer: RunningDeployer,
) -> None:
    statuses = [(await deployer.dockerhub()).status for _ in range(30)]
    assert statuses == [202] * 20 + [429] * 10
    answer = await deployer.dockerhub()
    assert int(answer.headers["Retry-After"]) >= 1


async def test_hooks_during_a_deployment_share_the_next_one(
    deployer: RunningDeployer,
) -> None:
    deployer.may_finish.clear()
    first = await (await deployer.dockerhub()).json()
    await deployer.wait_until_idle()
    rest = [await (await deployer.dockerhub()).json() for _ in range(19)]
    deployer.may_finish.set()
    await deployer.wait_until_idle()
    # One ran when the others came; those are one more.
    assert len({each["id"] for each in rest}) == 1
    assert [each.id for each in deployer.started] == [
        first["id"],
        rest[0]["id"],
    ]


async def test_rollback_supersedes_a_pending_deployment(
    deployer: RunningDeployer,
) -> None:
    deployer.may_finish.clear()
    await deployer.dockerhub()
    await deployer.wait_until_idle()
    waiting = (await (await deployer.dockerhub()).json())["id"]
    answer = await deployer.client.post(
        "/rollback/store", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    back = (await answer.json())["id"]
    assert answer.status == 202
    found = await (await deployer.get(f"/deployments/{waiting}")).json()
    assert found["state"] == "superseded"
    assert found["reason"] == f"superseded by {back}"
    deployer.may_finish.set()
    await deployer.wait_until_idle()
    assert [each.cause for each in deployer.started] == [
        "dockerhub",
        "rollback",
    ]


async def test_hook_after_a_rollback_waits_for_it(
    deployer: RunningDeployer,
) -> None:
    deployer.may_finish.clear()
    await deployer.dockerhub()
    await deployer.wait_until_idle()
    answer = await deployer.client.post(
        "/rollback/store", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    back = (await answer.json())["id"]
    later = (await (await deployer.dockerhub()).json())["id"]
    found = await (await deployer.get(f"/deployments/{back}")).json()
    assert found["state"] == "queued"
    deployer.may_finish.set()
    await deployer.wait_until_idle()
    assert [each.id for each in deployer.started[1:]] == [back, later]


async def test_busy_target_does_not_block_another(
    deployer: RunningDeployer,
) -> None:
    deployer.may_finish.clear()
    for _ in range(30):
        await deployer.dockerhub()
    body = {
        "push_data": {"tag": "latest"},
        "repository": {"repo_name": "wetcoats/bare"},
    }
    answer = await deployer.dockerhub(
        body, target="bare", secret=f"another-{SECRET}", client="203.0.113.9"
    )
    assert answer.status == 202
    deployer.may_finish.set()
    await deployer.wait_until_idle()
    assert [each.target for each in deployer.started] == [
        "store",
        "store",
        "bare",
    ]


async def test_replayed_signature_starts_nothing(
    deployer: RunningDeployer,
) -> None:
    first = await (await deployer.generic(BODY)).json()
    again = await deployer.generic(BODY)
    assert again.status == 202
    assert (await again.json())["state"] == "ignored"
    await deployer.wait_until_idle()
    assert [each.id for each in deployer.started] == [first["id"]]


async def test_signed_time_must_be_recent(
    deployer: RunningDeployer,
) -> None:
    answer = await deployer.generic(BODY, at=NOW - 3600)
    assert answer.status == 404
    answer = await deployer.generic(BODY, at=NOW + 3600)
    assert answer.status == 404


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "-1", "1e9", "\uff11\uff18", "9" * 400]
)
async def test_malformed_timestamp_is_refused(
    deployer: RunningDeployer, timestamp: str
) -> None:
    answer = await deployer.client.post(
        "/hooks/generic/store",
        data=BODY,
        headers={
            "X-Hub-Signature-256": "sha256=" + "0" * 64,
            "X-MSRV-Timestamp": timestamp,
        },
    )
    assert answer.status == 404


async def test_missing_timestamp_is_accepted_only_where_configured(
    deployer: RunningDeployer,
) -> None:
    """GitHub's own hooks sign no time."""
    assert (await deployer.generic(BODY, at=None)).status == 404
    body = json.dumps(
        {
            "action": "published",
            "registry_package": {
                "name": "MSRV",
                "namespace": "wetcoats",
                "package_version": {
                    "container_metadata": {"tag": {"name": "latest"}}
                },
            },
        }
    ).encode()
    answer = await deployer.generic(body, at=None, target="github")
    assert answer.status == 202
    assert (await answer.json())["state"] == "queued"
    again = await deployer.generic(body, at=None, target="github")
    assert (await again.json())["state"] == "ignored"


async def test_hook_from_another_network_gets_404(
    deployer: RunningDeployer,
) -> None:
    body = {
        "push_data": {"tag": "latest"},
        "repository": {"repo_name": "wetcoats/bare"},
    }
    options = {"target": "bare", "secret": f"another-{SECRET}"}
    answer = await deployer.dockerhub(body, **options, client="198.51.100.1")
    assert answer.status == 404
    answer = await deployer.dockerhub(body, **options, client="203.0.113.9")
    assert answer.status == 202


async def test_allowed_networks_apply_to_forwarded_addresses_with_ports(
    deployer: RunningDeployer,
) -> None:
    body = {
        "push_data": {"tag": "latest"},
        "repository": {"repo_name": "wetcoats/bare"},
    }
    options = {"target": "bare", "secret": f"another-{SECRET}"}
    for client in ("unknown", "_hidden", "198.51.100.1:4711"):
        answer = await deployer.dockerhub(body, **options, client=client)
        assert answer.status == 404
    client = "203.0.113.9:50123"
    answer = await deployer.dockerhub(body, **options, client=client)
    assert answer.status == 202


async def test_secrets_are_never_logged(
    deployer: RunningDeployer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await deployer.dockerhub()
    await deployer.dockerhub(b"nonsense")
    await deployer.dockerhub(secret=SECRET[:-1])
    await deployer.generic(BODY)
    await deployer.registry({"events": []})
    await deployer.get("/deployments")
    await deployer.wait_until_idle()
    # The test's server has an access log; the deployer's has none.
    ours = [
        str(vars(each))
        for each in caplog.records
        if each.name != "aiohttp.access"
    ]
    assert len(ours) >= 4
    for secret in (SECRET[:-1], GENERIC, REGISTRY, TOKEN):
        assert secret not in " ".join(ours)


async def test_operator_api_requires_the_token(
    deployer: RunningDeployer,
) -> None:
    """Wrong tokens are limited, and don't lock out the right one."""
    for path in ("/deployments", "/deployments/x", "/-/metrics"):
        assert (await deployer.get(path, "wrong")).status == 401
    answer = await deployer.client.post("/rollback/store")
    assert answer.status == 401
    for _ in range(40):
        answer = await deployer.get("/deployments", "wrong")
    assert answer.status == 429
    # The operator is not kept out by that.
    assert (await deployer.get("/deployments")).status == 200
    assert deployer.started == []
