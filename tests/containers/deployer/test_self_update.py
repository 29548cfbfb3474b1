"""A deployer that updates itself, last, and outlives a bad successor."""

import json

import pytest

from tests.containers.deployer.production_stack import ProductionStack
from tests.containers.engine import inspected, until

pytestmark = pytest.mark.containers

NEVER_HEALTHY = (
    "HEALTHCHECK --interval=1s --start-period=60s --start-interval=1s "
    'CMD ["false"]'
)


def test_it_updates_itself_after_everything_else(
    stack: ProductionStack,
) -> None:
    """A deployer can't be updated, or ends with the store half done."""
    before = inspected(stack.one("deployer"))
    stack.push("itself")
    store = stack.told(stack.store)
    # Asked for in the meantime, and before the store's next one.
    itself = stack.told(stack.itself)
    again = stack.told(stack.store)
    assert stack.ended(store)["state"] == "succeeded"
    done = stack.ended(again)
    assert done["state"] == "unchanged"
    last = stack.ended(itself)
    assert last["state"] == "succeeded", json.dumps(last, indent=1)
    assert last["started_at"] >= done["ended_at"]
    assert stack.versions() == ["itself"] * 2
    assert stack.versions("deployer") == ["itself"]
    after = inspected(stack.one("deployer"))
    assert after["Id"] != before["Id"]
    assert after["Name"] == before["Name"]
    # The one that took over finished it, and knows what was before.
    assert any("removing the old" in line for line in last["lines"])
    found = stack.ask("/deployments")["deployments"]
    assert {store, itself, again} <= {each["id"] for each in found}
    # It is reached as the one before was, and works.
    ended = stack.ended(stack.told(stack.store))
    assert ended["state"] == "unchanged"


@pytest.mark.parametrize(
    ("version", "line", "reason"),
    [
        ("idle", NEVER_HEALTHY, "was not healthy within 8 s"),
        ("lame", 'ENTRYPOINT ["false"]', "the new container"),
    ],
)
def test_a_bad_deployer_does_not_replace_a_good_one(
    stack: ProductionStack, version: str, line: str, reason: str
) -> None:
    """A push that is broken takes the deployer away, and every fix with it."""
    before = stack.one("deployer")
    started = inspected(before)["State"]["StartedAt"]
    stack.push(version, line)
    ended = stack.ended(stack.told(stack.itself))
    assert ended["state"] == "failed", ended
    assert reason in ended["reason"]
    until(
        lambda: stack.project.containers("deployer") == [before],
        "the successor is gone",
    )
    assert inspected(before)["State"]["StartedAt"] == started
    # It goes on working.
    stack.push(f"after-{version}")
    ended = stack.ended(stack.told(stack.itself))
    assert ended["state"] == "succeeded", ended
    assert stack.versions("deployer") == [f"after-{version}"]
