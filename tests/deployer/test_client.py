"""What an operator sees in a terminal."""

import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from msrv.deployer import client
from msrv.deployer.client import Asker, NoAnswer
from msrv.deployer.rollout.deployment import Deployment, State


class Screen(io.StringIO):
    """A terminal that remembers all that was written to it."""

    def isatty(self) -> bool:
        return True


def story() -> Iterator[dict[str, Any]]:
    """Tell of a deployment, as the deployer does to who asks again."""
    found = Deployment("abc", "store", "generic", 0, State.RUNNING)
    found.note("pulling a/b")
    found.step = "pulling a/b"
    found.have_bytes, found.of_bytes = 50_000_000, 100_000_000
    yield found.as_public(whole=True)
    found.note("draining shop-app-1")
    found.step, found.done, found.replicas = "draining shop-app-1", 1, 2
    yield found.as_public(whole=True)
    found.state, found.reason = State.WAITING, "the engine does not answer"
    yield found.as_public(whole=True)
    found.state, found.reason = State.SUCCEEDED, ""
    yield found.as_public(whole=True)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have a deployer answer with these, one after the other."""
    answers: list[Any] = []

    def ask(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Asker, "ask", ask)
    return answers


def follow() -> list[str]:
    asker = Asker("http://127.0.0.1:1", "token")
    return list(client.follow(asker, "abc", sleep=lambda _: None))


def test_a_deployment_is_followed_with_its_progress(
    told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull of a gigabyte looks like a deployer that hangs."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    told += story()
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


def test_a_file_gets_lines_alone(
    told: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A log of what was followed is full of bars."""
    told += story()
    assert follow()[-1] == "store: succeeded"
    assert capsys.readouterr().err == ""


def test_a_deployer_that_is_away_for_a_moment_is_waited_for(
    told: list[Any],
) -> None:
    """Whoever follows a deployer's own update is told that it failed."""
    first, *rest = story()
    told += [first, *[NoAnswer("away")] * 60, *rest]
    assert follow()[-1] == "store: succeeded"
    told += [first, *[NoAnswer("away")] * 61]
    with pytest.raises(NoAnswer):
        follow()
