# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Two replicas act as one store, also while one of them stops."""

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
from tests.containers.engine import docker, inspect_object, wait_until
from tests.containers.library import LONG_BYTES, MIB


@pytest.fixture(autouse=True)
def restored_replicas(stack: Stack) -> Iterator[None]:
    """Start again what a test has stopped."""
    yield
    stack.project.up("--no-build", "--scale", "app=2")
    wait_until(lambda: all_ready(stack.project), "all replicas can sell", 120)


@pytest.fixture(scope="module")
def links(stack: Stack) -> dict[str, str]:
    """Links to the long file, and to a pack of it."""
    return stack.buyer.buy("long", "pack")


@pytest.fixture(scope="module")
def sha256_by_item(stack: Stack, links: dict[str, str]) -> dict[str, str]:
    """SHA-256 of each, downloaded without disturbance."""
    return {
        item: hashlib.sha256(stack.buyer.request(path).body).hexdigest()
        for item, path in links.items()
    }


def kill(name: str, number: signal.Signals) -> None:
    docker("kill", "--signal", number.name, name)


def replicas_in_log(stack: Stack, since: int) -> set[str]:
    """Return the replicas in nginx's log from line `since` on."""
    lines = stack.project.logs("nginx")
    found = [json.loads(line) for line in lines[since:] if line[:1] == "{"]
    return {line["replica"] for line in found if line["replica"]}


def log_line_count(stack: Stack) -> int:
    return len(stack.project.logs("nginx"))


def test_order_of_one_replica_is_delivered_by_the_other(stack: Stack) -> None:
    apps = stack.project.containers("app")
    assert len(apps) == 2
    docker("stop", apps[0])
    path = stack.buyer.buy("short")["short"]
    docker("start", apps[0])
    docker("stop", apps[1])
    wait_until(stack.buyer.is_ready, "the other can sell")
    response = stack.buyer.request(path)
    assert (response.status, response.body) == (200, b"short")


def test_requests_are_balanced_over_both_replicas(stack: Stack) -> None:
    since = log_line_count(stack)

    def both() -> bool:
        assert stack.buyer.request("/").status == 200
        return len(replicas_in_log(stack, since)) == 2

    wait_until(both, "each replica has responded")


def test_scaling_needs_no_reload_and_causes_no_error(stack: Stack) -> None:
    started = inspect_object(stack.project.containers("nginx")[0])["State"]
    stack.project.up("--no-build", "--no-recreate", "--scale", "app=3")
    wait_until(lambda: all_ready(stack.project), "all three can sell", 120)
    since = log_line_count(stack)

    def three() -> bool:
        assert stack.buyer.request("/").status == 200
        return len(replicas_in_log(stack, since)) == 3

    wait_until(three, "three replicas respond")
    shrinking = threading.Thread(
        target=stack.project,
        args=("up", "--detach", "--no-recreate", "--scale", "app=1"),
    )
    shrinking.start()
    try:
        left = 10
        while shrinking.is_alive() or left:
            left -= not shrinking.is_alive()
            assert stack.buyer.request("/").status == 200
            assert stack.buyer.buy("short")
            time.sleep(0.2)  # the rate limit of purchases
    finally:
        shrinking.join()
    now = inspect_object(stack.project.containers("nginx")[0])["State"]
    assert now["StartedAt"] == started["StartedAt"]


def test_purchase_is_not_retried_on_another_replica(stack: Stack) -> None:
    one, other = stack.project.containers("app")
    docker("pause", one, other)

    def status(_: int) -> int:
        return stack.buyer.request(
            "/purchases",
            {"Content-Type": "application/x-www-form-urlencoded"},
            method="POST",
            body=b"item=short",
        ).status

    with ThreadPoolExecutor(4) as buyers:
        statuses = buyers.map(status, range(4))
        time.sleep(1)  # until nginx has sent each to a replica
        kill(one, signal.SIGKILL)
        docker("unpause", other)
    sold, unavailable = 303, 503
    assert set(statuses) == {sold, unavailable}
    # The engine notices the exit later than nginx does, and can't start the
    # container before.
    docker("wait", one)

    def is_healthy() -> bool:
        return bool(
            inspect_object(other)["State"]["Health"]["Status"] == "healthy"
        )

    wait_until(is_healthy, "the unpaused replica is healthy", 60)


def test_file_download_completes_after_the_store_exits(
    stack: Stack, links: dict[str, str], sha256_by_item: dict[str, str]
) -> None:
    transfer = Transfer(stack.buyer, links["long"])
    digest = hashlib.sha256(transfer.read(8 * MIB))
    for name in stack.project.containers("app"):
        kill(name, signal.SIGTERM)
    for name in stack.project.containers("app"):
        docker("wait", name)
    while data := transfer.read(MIB):
        digest.update(data)
    transfer.close()
    assert digest.hexdigest() == sha256_by_item["long"]


@pytest.mark.parametrize("times", [1, 2])
def test_download_of_a_stopped_store_completes_or_resumes(
    times: int,
    stack: Stack,
    links: dict[str, str],
    sha256_by_item: dict[str, str],
) -> None:
    transfer = Transfer(stack.buyer, links["pack"])
    etag = transfer.response.headers["ETag"]
    total = int(transfer.response.headers["Content-Length"])
    assert total >= LONG_BYTES
    got = transfer.read(8 * MIB)
    for name in stack.project.containers("app"):
        for _ in range(times):
            kill(name, signal.SIGTERM)
    if times == 2:
        for name in stack.project.containers("app"):
            docker("wait", name)
    # One signal drains, so the download completes; two stop it at once.
    while data := transfer.read(MIB):
        got += data
    transfer.close()
    if times == 1:
        assert len(got) == total
        for name in stack.project.containers("app"):
            docker("wait", name)
    else:
        assert 8 * MIB <= len(got) < total
        away = stack.buyer.request("/", {"Accept": "application/json"})
        assert (away.status, away.json["error"]) == (503, "store_is_away")
        assert b"being updated" in stack.buyer.request("/").body
        stack.project.up("--no-build")
        wait_until(stack.buyer.is_ready, "the store can sell again")
        rest = stack.buyer.request(
            links["pack"],
            {"Range": f"bytes={len(got)}-", "If-Range": etag},
        )
        assert rest.status == 206
        got += rest.body
    assert hashlib.sha256(got).hexdigest() == sha256_by_item["pack"]
