"""Two replicas are one store, also while one of them goes."""

import hashlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.containers.buyer import Transfer
from tests.containers.conftest import Stack, all_ready
from tests.containers.engine import docker, inspected, until
from tests.containers.library import LONG_BYTES, MIB


@pytest.fixture(autouse=True)
def whole(stack: Stack) -> Iterator[None]:
    """Bring back what a test has ended."""
    yield
    stack.project.up("--no-build", "--scale", "app=2")
    until(lambda: all_ready(stack.project), "all can sell", 120)


@pytest.fixture(scope="module")
def links(stack: Stack) -> dict[str, str]:
    """Links to the long file, and to a pack of it."""
    return stack.buyer.buy("long", "pack")


@pytest.fixture(scope="module")
def whole_sums(stack: Stack, links: dict[str, str]) -> dict[str, str]:
    """SHA-256 of each, downloaded while nothing happens."""
    return {
        item: hashlib.sha256(stack.buyer.ask(path).body).hexdigest()
        for item, path in links.items()
    }


def kill(name: str, number: signal.Signals) -> None:
    docker("kill", "--signal", number.name, name)


def replicas_of(stack: Stack, since: int) -> set[str]:
    """Name the replicas that answered, from a line of nginx's log on."""
    lines = stack.project.logs("nginx")
    found = [json.loads(line) for line in lines[since:] if line[:1] == "{"]
    return {line["replica"] for line in found if line["replica"]}


def lines_so_far(stack: Stack) -> int:
    return len(stack.project.logs("nginx"))


def test_what_one_sold_the_other_delivers(stack: Stack) -> None:
    """A buyer needs luck: half of their requests know of nothing."""
    apps = stack.project.containers("app")
    assert len(apps) == 2
    docker("stop", apps[0])
    path = stack.buyer.buy("short")["short"]
    docker("start", apps[0])
    docker("stop", apps[1])
    until(stack.buyer.is_ready, "the other can sell")
    answer = stack.buyer.ask(path)
    assert (answer.status, answer.body) == (200, b"short")


def test_both_are_asked(stack: Stack) -> None:
    """One replica does all the work, and is missed when it goes."""
    since = lines_so_far(stack)

    def both() -> bool:
        assert stack.buyer.ask("/").status == 200
        return len(replicas_of(stack, since)) == 2

    until(both, "each has answered")


def test_replicas_come_and_go_without_a_reload(stack: Stack) -> None:
    """A visitor meets errors whenever the store grows or shrinks."""
    started = inspected(stack.project.containers("nginx")[0])["State"]
    stack.project.up("--no-build", "--no-recreate", "--scale", "app=3")
    until(lambda: all_ready(stack.project), "all three can sell", 120)
    since = lines_so_far(stack)

    def three() -> bool:
        assert stack.buyer.ask("/").status == 200
        return len(replicas_of(stack, since)) == 3

    until(three, "three replicas answer")
    shrinking = threading.Thread(
        target=stack.project,
        args=("up", "--detach", "--no-recreate", "--scale", "app=1"),
    )
    shrinking.start()
    try:
        left = 10
        while shrinking.is_alive() or left:
            left -= not shrinking.is_alive()
            assert stack.buyer.ask("/").status == 200
            assert stack.buyer.buy("short")
            time.sleep(0.2)  # so often may an address buy
    finally:
        shrinking.join()
    now = inspected(stack.project.containers("nginx")[0])["State"]
    assert now["StartedAt"] == started["StartedAt"]


def test_what_may_have_been_sold_is_not_sold_again(stack: Stack) -> None:
    """A buyer is charged twice, since the edge posts a purchase again."""
    one, other = stack.project.containers("app")
    docker("pause", one, other)

    def status(_: int) -> int:
        return stack.buyer.ask(
            "/purchases",
            {"Content-Type": "application/x-www-form-urlencoded"},
            method="POST",
            body=b"item=short",
        ).status

    with ThreadPoolExecutor(4) as buyers:
        statuses = buyers.map(status, range(4))
        time.sleep(1)  # until each has been sent to one of the two
        kill(one, signal.SIGKILL)
        docker("unpause", other)
    sold, away = 303, 503
    assert set(statuses) == {sold, away}
    # Its end is known to the engine later than to whom it served, and till
    # then it can't be started again.
    docker("wait", one)

    def is_healthy() -> bool:
        return bool(inspected(other)["State"]["Health"]["Status"] == "healthy")

    until(is_healthy, "the one that was paused is well again", 60)


def test_a_file_outlives_the_store(
    stack: Stack, links: dict[str, str], whole_sums: dict[str, str]
) -> None:
    """Every update breaks every download."""
    transfer = Transfer(stack.buyer, links["long"])
    digest = hashlib.sha256(transfer.read(8 * MIB))
    for name in stack.project.containers("app"):
        kill(name, signal.SIGTERM)
    for name in stack.project.containers("app"):
        docker("wait", name)
    while data := transfer.read(MIB):
        digest.update(data)
    transfer.close()
    assert digest.hexdigest() == whole_sums["long"]


@pytest.mark.parametrize("times", [1, 2])
def test_what_a_killed_store_cut_off_resumes(
    times: int,
    stack: Stack,
    links: dict[str, str],
    whole_sums: dict[str, str],
) -> None:
    """A buyer begins again at nothing, or ends up with a broken file."""
    transfer = Transfer(stack.buyer, links["pack"])
    etag = transfer.answer.headers["ETag"]
    total = int(transfer.answer.headers["Content-Length"])
    assert total >= LONG_BYTES
    got = transfer.read(8 * MIB)
    for name in stack.project.containers("app"):
        for _ in range(times):
            kill(name, signal.SIGTERM)
    if times == 2:
        for name in stack.project.containers("app"):
            docker("wait", name)
    # Once: it drains, so this goes on to the end. Twice: it ends at once.
    while data := transfer.read(MIB):
        got += data
    transfer.close()
    if times == 1:
        assert len(got) == total
        for name in stack.project.containers("app"):
            docker("wait", name)
    else:
        assert 8 * MIB <= len(got) < total
        away = stack.buyer.ask("/", {"Accept": "application/json"})
        assert (away.status, away.json["error"]) == (503, "store_is_away")
        assert b"being updated" in stack.buyer.ask("/").body
        stack.project.up("--no-build")
        until(stack.buyer.is_ready, "it can sell again")
        rest = stack.buyer.ask(
            links["pack"],
            {"Range": f"bytes={len(got)}-", "If-Range": etag},
        )
        assert rest.status == 206
        got += rest.body
    assert hashlib.sha256(got).hexdigest() == whole_sums["pack"]
