# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A deployer that updates itself, last, and outlives a bad successor."""

import json

import pytest

from tests.containers.deployer.production_stack import ProductionStack
from tests.containers.engine import inspect_object, wait_until

pytestmark = pytest.mark.containers

NEVER_HEALTHY = (
    "HEALTHCHECK --interval=1s --start-period=60s --start-interval=1s "
    'CMD ["false"]'
)


def test_deployer_updates_itself_last(
    stack: ProductionStack,
) -> None:
    before = inspect_object(stack.container("deployer"))
    stack.push("itself")
    store = stack.send_hook(stack.store)
    # Requested in the meantime, before the store's next one.
    itself = stack.send_hook(stack.itself)
    again = stack.send_hook(stack.store)
    assert stack.wait(store)["state"] == "succeeded"
    done = stack.wait(again)
    assert done["state"] == "unchanged"
    last = stack.wait(itself)
    assert last["state"] == "succeeded", json.dumps(last, indent=1)
    assert last["started_at"] >= done["ended_at"]
    assert stack.versions() == ["itself"] * 2
    assert stack.versions("deployer") == ["itself"]
    after = inspect_object(stack.container("deployer"))
    assert after["Id"] != before["Id"]
    assert after["Name"] == before["Name"]
    # The successor finished it, and has the earlier deployments.
    assert any("removing the old" in line for line in last["lines"])
    found = stack.request("/deployments")["deployments"]
    assert {store, itself, again} <= {each["id"] for each in found}
    # It is reachable at the same address, and works.
    ended = stack.wait(stack.send_hook(stack.store))
    assert ended["state"] == "unchanged"


@pytest.mark.parametrize(
    ("version", "line", "reason"),
    [
        ("idle", NEVER_HEALTHY, "was not healthy within 20 s"),
        ("lame", 'ENTRYPOINT ["false"]', "the new container"),
    ],
)
def test_bad_deployer_does_not_replace_a_good_one(
    stack: ProductionStack, version: str, line: str, reason: str
) -> None:
    before = stack.container("deployer")
    started = inspect_object(before)["State"]["StartedAt"]
    stack.push(version, line)
    ended = stack.wait(stack.send_hook(stack.itself))
    assert ended["state"] == "failed", ended
    assert reason in ended["reason"]
    wait_until(
        lambda: stack.project.containers("deployer") == [before],
        "the successor is removed",
    )
    assert inspect_object(before)["State"]["StartedAt"] == started
    # It still works.
    stack.push(f"after-{version}")
    ended = stack.wait(stack.send_hook(stack.itself))
    assert ended["state"] == "succeeded", ended
    assert stack.versions("deployer") == [f"after-{version}"]
