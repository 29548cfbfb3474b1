# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deployments on the command line."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from msrv.cli import deployer as cli_deployer
from msrv.cli import main
from msrv.deployer import client
from msrv.deployer.client import DeployerClient, format_table, progress
from msrv.deployer.errors import RequestFailed
from msrv.deployer.rollout.deployment import Deployment, DeploymentState


class Screen(io.StringIO):
    """A terminal that records what is written to it."""

    def isatty(self) -> bool:
        return True


def stages() -> Iterator[dict[str, Any]]:
    """Yield the stages of a deployment, as the API returns them."""
    found = Deployment("abc", "store", "generic", 0, DeploymentState.RUNNING)
    found.add_line("pulling a/b")
    found.step = "pulling a/b"
    found.have_bytes, found.of_bytes = 50_000_000, 100_000_000
    yield found.to_public_dict(with_lines=True)
    found.add_line("draining shop-app-1")
    found.step, found.done, found.replicas = "draining shop-app-1", 1, 2
    yield found.to_public_dict(with_lines=True)
    found.state, found.reason = (
        DeploymentState.WAITING,
        "the engine does not answer",
    )
    yield found.to_public_dict(with_lines=True)
    found.state, found.reason = DeploymentState.SUCCEEDED, ""
    yield found.to_public_dict(with_lines=True)


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Responses of the deployer, in order; an exception is raised."""
    queued: list[Any] = []

    def request(*_: object) -> object:
        response = queued.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    monkeypatch.setattr(DeployerClient, "request", request)
    return queued


def follow() -> list[str]:
    found = DeployerClient("http://127.0.0.1:1", "token")
    return list(client.follow(found, "abc", sleep=lambda _: None))


def test_follow_shows_lines_and_progress(
    responses: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    responses += stages()
    assert follow() == [
        "pulling a/b",
        "draining shop-app-1",
        "store: succeeded",
    ]
    shown = [each.strip() for each in screen.getvalue().split("\r\033[K")]
    assert [each for each in shown if each] == [
        "[==========          ] 50.0 of 100.0 MB",
        "[==========          ] 1/2 draining shop-app-1",
        "[==========          ] 1/2 waiting: the engine does not answer",
    ]


def test_follow_writes_no_progress_bar_to_a_file(
    responses: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    responses += stages()
    assert follow()[-1] == "store: succeeded"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("request_seconds", [0, 10])
def test_follow_gives_up_after_half_a_minute(
    monkeypatch: pytest.MonkeyPatch, request_seconds: int
) -> None:
    """A deployer that updates itself is away for a moment."""
    first, *rest = stages()
    now, back_at = [0.0], 20.0
    found = [first, *rest]

    def request(*_: object) -> object:
        if now[0] == 0:
            now[0] += 0.1
            return found.pop(0)
        if now[0] < back_at:
            now[0] += request_seconds
            raise RequestFailed("away")
        return found.pop(0)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def follow() -> list[str]:
        connection = DeployerClient("http://127.0.0.1:1", "token")
        lines = client.follow(connection, "abc", sleep, lambda: now[0])
        return list(lines)

    monkeypatch.setattr(DeployerClient, "request", request)
    assert follow()[-1] == "store: succeeded"
    now[0], back_at, found = 0, 600, [first, *rest]
    with pytest.raises(RequestFailed):
        follow()
    assert 30 < now[0] <= 30 + 0.5 + 10


def test_follow_shows_a_line_once(responses: list[Any]) -> None:
    """The deployer drops the lines of an attempt that repeats another."""
    (first, *_, last) = stages()
    responses += [
        {**first, "lines": ["looking up", "waiting", "looking up"]},
        {**first, "lines": ["looking up", "waiting"]},
        {**first, "lines": ["looking up", "waiting", "looking up"]},
        {**last, "lines": ["looking up", "waiting", "looking up", "pulling"]},
    ]
    assert follow() == [
        "looking up",
        "waiting",
        "looking up",
        "pulling",
        "store: succeeded",
    ]


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        (DeploymentState.FAILED, "no such image", 1),
        (DeploymentState.UNCHANGED, "refused", 1),
        (DeploymentState.UNCHANGED, "", 0),
        (DeploymentState.SUCCEEDED, "", 0),
        (DeploymentState.RUNNING, "", 0),
    ],
)
def test_exit_status_of_a_deployment_as_json(
    state: DeploymentState,
    reason: str,
    status: int,
    responses: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = DeployerClient("http://127.0.0.1:1", "token")
    monkeypatch.setattr(cli_deployer, "_connect", lambda _: connection)
    found = Deployment("abc", "store", "generic", 0, state)
    found.reason = reason
    responses.append(found.to_public_dict(with_lines=True))
    result = CliRunner().invoke(main, ["deployments", "abc", "--json"])
    assert result.exit_code == status
    assert json.loads(result.stdout)["state"] == state


def test_progress_of_a_pull_is_one_line() -> None:
    pulling = Deployment(
        "d",
        "store",
        "generic",
        0,
        state=DeploymentState.RUNNING,
        step="pulling a/b",
    )
    pulling.have_bytes, pulling.of_bytes = 25_000_000, 100_000_000
    line = progress(pulling.to_public_dict(with_lines=False))
    assert line == "[=====               ] 25.0 of 100.0 MB"
    shown = format_table(
        [pulling.to_public_dict(with_lines=False)], 3700
    ).splitlines()
    assert shown[0].split()[:3] == ["id", "target", "state"]
    assert "1 h ago" in shown[1]
