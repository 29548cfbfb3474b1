"""What strangers send: nothing of it starts anything, or holds anyone up."""

import asyncio
import itertools
import json
import logging
import time

import pytest

from msrv.deployer.app_keys import DESK
from tests.deployer.conftest import (
    GENERIC,
    NOW,
    REGISTRY,
    SECRET,
    TOKEN,
    House,
    settle,
)

BODY = b'{"repository": "wetcoats/msrv", "tag": "latest"}'


async def test_a_genuine_hook_starts_one(house: House) -> None:
    """A push is never deployed."""
    answer = await house.dockerhub()
    assert answer.status == 202
    made = (await answer.json())["id"]
    await settle(house)
    assert [each.id for each in house.begun] == [made]


async def test_ten_thousand_forged_hooks_start_nothing_and_delay_nobody(
    house: House,
) -> None:
    """Whoever knows the address can keep updates from happening."""
    took: list[float] = []
    forged_took: list[float] = []

    async def forge(numbers: "itertools.count[int]") -> None:
        while (number := next(numbers)) < 10_000:
            client = f"192.0.{number % 200}.{number % 7}"
            began = time.monotonic()
            match number % 3:
                case 0:
                    answer = await house.dockerhub(
                        secret="wrong", client=client
                    )
                case 1:
                    answer = await house.generic(
                        BODY, key="wrong", client=client
                    )
                case _:
                    answer = await house.registry({}, token="wrong")
            forged_took.append(time.monotonic() - began)
            assert answer.status in {404, 429}

    async def genuine() -> None:
        for _ in range(5):
            await asyncio.sleep(0.3)
            began = time.monotonic()
            # From the very address of the forgers, too.
            answer = await house.dockerhub(client="192.0.1.1")
            took.append(time.monotonic() - began)
            assert answer.status == 202

    numbers = itertools.count()
    await asyncio.gather(genuine(), *(forge(numbers) for _ in range(50)))
    await settle(house)
    assert all(each.cause == "dockerhub" for each in house.begun)
    assert len(house.begun) <= 5
    # Nobody waits for longer than the forgers do, however busy it is here.
    assert max(took) < 10 * max(forged_took)
    # What is remembered of strangers is bounded.
    assert len(house.client.app[DESK]._forged) <= 4096


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
async def test_a_wrong_secret_is_a_404_and_nothing_else(
    house: House, path: str
) -> None:
    """An answer tells a stranger which targets there are."""
    answer = await house.client.post(path, data=BODY)
    nothing = await house.client.post("/", data=BODY)
    assert (answer.status, await answer.text()) == (404, "404: Not Found")
    assert {*answer.headers} == {*nothing.headers}
    await settle(house)
    assert house.begun == []


async def test_who_forges_on_is_told_to_wait(house: House) -> None:
    """One address can ask for ever."""
    statuses = [
        (await house.dockerhub(secret="wrong")).status for _ in range(40)
    ]
    assert statuses == [404] * 30 + [429] * 10
    answer = await house.dockerhub(secret="wrong")
    assert int(answer.headers["Retry-After"]) >= 1
    house.ticks[0] += 10
    assert (await house.dockerhub(secret="wrong")).status == 404


async def test_a_target_is_not_asked_too_often(house: House) -> None:
    """Whoever has the secret can keep the machine busy for ever."""
    statuses = [(await house.dockerhub()).status for _ in range(30)]
    assert statuses == [202] * 20 + [429] * 10
    answer = await house.dockerhub()
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_burst_is_one_deployment(house: House) -> None:
    """Twenty hooks for one push restart the store twenty times."""
    house.may_end.clear()
    first = await (await house.dockerhub()).json()
    await settle(house)
    rest = [await (await house.dockerhub()).json() for _ in range(19)]
    house.may_end.set()
    await settle(house)
    # One ran when the others came; those are one more.
    assert len({each["id"] for each in rest}) == 1
    assert [each.id for each in house.begun] == [first["id"], rest[0]["id"]]


async def test_a_way_back_takes_the_place_of_a_way_forward(
    house: House,
) -> None:
    """An operator who goes back is overtaken by a hook that was waiting."""
    house.may_end.clear()
    await house.dockerhub()
    await settle(house)
    waiting = (await (await house.dockerhub()).json())["id"]
    answer = await house.client.post(
        "/rollback/store", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    back = (await answer.json())["id"]
    assert answer.status == 202
    found = await (await house.ask(f"/deployments/{waiting}")).json()
    assert found["state"] == "superseded"
    assert found["reason"] == f"{back} took its place"
    house.may_end.set()
    await settle(house)
    assert [each.cause for each in house.begun] == ["dockerhub", "rollback"]


async def test_one_target_s_hooks_leave_another_s_alone(
    house: House,
) -> None:
    """A busy target keeps every other one from being updated."""
    house.may_end.clear()
    for _ in range(30):
        await house.dockerhub()
    body = {
        "push_data": {"tag": "latest"},
        "repository": {"repo_name": "wetcoats/bare"},
    }
    answer = await house.dockerhub(
        body, target="bare", secret=f"another-{SECRET}", client="203.0.113.9"
    )
    assert answer.status == 202
    house.may_end.set()
    await settle(house)
    assert [each.target for each in house.begun] == ["store", "store", "bare"]


async def test_a_replay_starts_nothing(house: House) -> None:
    """Who has seen one genuine hook can have updates made."""
    first = await (await house.generic(BODY)).json()
    again = await house.generic(BODY)
    assert again.status == 202
    assert (await again.json())["state"] == "ignored"
    await settle(house)
    assert [each.id for each in house.begun] == [first["id"]]


async def test_a_replay_of_yesterday_is_refused(house: House) -> None:
    """A hook that was caught can be used for ever."""
    answer = await house.generic(BODY, at=NOW - 3600)
    assert answer.status == 404
    answer = await house.generic(BODY, at=NOW + 3600)
    assert answer.status == 404


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "-1", "1e9", "\uff11\uff18", "9" * 400]
)
async def test_a_timestamp_that_is_none(house: House, timestamp: str) -> None:
    """A time that can't be read counts as any time."""
    answer = await house.client.post(
        "/hooks/generic/store",
        data=BODY,
        headers={
            "X-Hub-Signature-256": "sha256=" + "0" * 64,
            "X-MSRV-Timestamp": timestamp,
        },
    )
    assert answer.status == 404


async def test_githubs_own_form_only_where_it_is_wanted(
    house: House,
) -> None:
    """A target that wants a time is fooled by leaving it out."""
    assert (await house.generic(BODY, at=None)).status == 404
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
    answer = await house.generic(body, at=None, target="github")
    assert answer.status == 202
    assert (await answer.json())["state"] == "queued"
    again = await house.generic(body, at=None, target="github")
    assert (await again.json())["state"] == "ignored"


async def test_other_networks_find_nothing(house: House) -> None:
    """A list of networks lets others in."""
    body = {
        "push_data": {"tag": "latest"},
        "repository": {"repo_name": "wetcoats/bare"},
    }
    options = {"target": "bare", "secret": f"another-{SECRET}"}
    answer = await house.dockerhub(body, **options, client="198.51.100.1")
    assert answer.status == 404
    answer = await house.dockerhub(body, **options, client="203.0.113.9")
    assert answer.status == 202


async def test_a_network_s_list_holds_behind_a_proxy_that_writes_ports(
    house: House,
) -> None:
    """What the proxy says of its visitor counts, in any of its spellings."""
    body = {
        "push_data": {"tag": "latest"},
        "repository": {"repo_name": "wetcoats/bare"},
    }
    options = {"target": "bare", "secret": f"another-{SECRET}"}
    for client in ("unknown", "_hidden", "198.51.100.1:4711"):
        answer = await house.dockerhub(body, **options, client=client)
        assert answer.status == 404
    client = "203.0.113.9:50123"
    answer = await house.dockerhub(body, **options, client=client)
    assert answer.status == 202


async def test_no_secret_is_ever_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A log that is shown to someone opens the door to them."""
    caplog.set_level(logging.DEBUG)
    await house.dockerhub()
    await house.dockerhub(b"nonsense")
    await house.dockerhub(secret=SECRET[:-1])
    await house.generic(BODY)
    await house.registry({"events": []})
    await house.ask("/deployments")
    await settle(house)
    # The test's server has an access log; the deployer's has none.
    ours = [
        str(vars(each))
        for each in caplog.records
        if each.name != "aiohttp.access"
    ]
    assert len(ours) >= 4
    for secret in (SECRET[:-1], GENERIC, REGISTRY, TOKEN):
        assert secret not in " ".join(ours)


async def test_deployments_want_the_token(house: House) -> None:
    """A stranger reads what runs, or takes the store back to a version."""
    for path in ("/deployments", "/deployments/x", "/-/metrics"):
        assert (await house.ask(path, "wrong")).status == 401
    answer = await house.client.post("/rollback/store")
    assert answer.status == 401
    for _ in range(40):
        answer = await house.ask("/deployments", "wrong")
    assert answer.status == 429
    # The operator is not kept out by that.
    assert (await house.ask("/deployments")).status == 200
    assert house.begun == []
