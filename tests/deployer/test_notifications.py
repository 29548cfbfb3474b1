# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Notifications: their texts, their signatures, and further attempts."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.deployer import outbound_requests
from msrv.deployer.auth import sign
from msrv.deployer.config_model import DeployConfig, NotificationAddress
from msrv.deployer.errors import DeliveryFailed
from msrv.deployer.notifications import Notifier, format_message, summary
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.tasks import Backoff
from tests.deployer.running_deployer import SECRET

Serve = Callable[[web.Application], Awaitable[TestServer]]

HUB = "https://registry.hub.docker.com/u/a/b/hook/x/"


async def test_failed_callback_does_not_stop_the_next_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requested: list[str] = []

    async def post(url: str, *_: object) -> None:
        requested.append(url)
        if len(requested) == 1:
            raise DeliveryFailed("it responded with status 500")

    monkeypatch.setattr(outbound_requests, "post", post)
    target = {"name": "store", "repository": "a/b", "containers": ["a"]}
    notifier = Notifier(
        DeployConfig.model_validate({"targets": {"store": target}})
    )
    misdirected, refused, accepted = (
        ended_deployment(),
        ended_deployment(),
        ended_deployment(),
    )
    misdirected.callback_url = "https://evil.example/"
    async with notifier.running():
        for each in (misdirected, refused, accepted):
            notifier.submit(each)
        await asyncio.wait_for(notifier.join(), 10)
    assert requested == [HUB + "secret"] * 2


def ended_deployment(
    state: DeploymentState = DeploymentState.SUCCEEDED, reason: str = ""
) -> Deployment:
    return Deployment(
        "abc",
        "store",
        "dockerhub",
        1,
        state=state,
        reason=reason,
        reference="a/b@sha256:0123456789abcdef",
        replicas=2,
        callback_url=HUB + "secret",
    )


async def test_notification_is_signed_and_retried(
    aiohttp_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msrv.deployer.notifications.RETRY", Backoff(0, 0))
    received: list[tuple[bytes, dict[str, str]]] = []
    done = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        received.append((await request.read(), dict(request.headers)))
        if len(received) < 3:
            raise web.HTTPServiceUnavailable
        done.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    server = await aiohttp_server(app)
    config = DeployConfig.model_validate(
        {
            "targets": {
                "store": {
                    "name": "store",
                    "repository": "a/b",
                    "containers": ["a"],
                    "notify": [
                        {
                            "url": str(server.make_url("/")),
                            "secret": SECRET,
                            "allow_private": True,
                        }
                    ],
                }
            }
        }
    )
    notifier = Notifier(config, clock=lambda: 1_800_000_000)
    deployment = ended_deployment()
    deployment.callback_url = None
    async with notifier.running():
        notifier.submit(deployment)
        await asyncio.wait_for(done.wait(), 10)
    body, headers = received[2]
    assert len(received) == 3
    expected = sign(SECRET, body, headers["X-MSRV-Timestamp"])
    assert headers["X-MSRV-Signature-256"] == expected
    sent = json.loads(body)
    assert sent["deployment"]["state"] == "succeeded"
    assert sent["sentence"] == "store runs 0123456789ab (2 replicas)"
    assert "secret" not in body.decode()


def test_text_and_chat_messages_are_one_sentence() -> None:
    text = NotificationAddress.model_validate(
        {"url": "https://a.example", "form": "text"}
    )
    body, kind = format_message(
        text, ended_deployment(DeploymentState.FAILED, "it crashed")
    )
    assert kind.startswith("text/plain")
    assert body.decode() == (
        "store was not updated and is as it was before: it crashed"
    )
    chat = NotificationAddress.model_validate(
        {"url": "https://a.example", "form": "chat"}
    )
    assert json.loads(format_message(chat, ended_deployment())[0]) == {
        "text": summary(ended_deployment())
    }


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("succeeded", "", "store runs 0123456789ab (1 replica)"),
        ("unchanged", "", "store already runs that image"),
        (
            "unchanged",
            "this image was rolled back",
            "store was not updated: this image was rolled back",
        ),
        (
            "failed",
            "it crashed",
            "store was not updated and is as it was before: it crashed",
        ),
        ("broken", "it crashed", "store needs an operator: it crashed"),
    ],
)
def test_summary_says_how_a_deployment_ended(
    state: str, reason: str, expected: str
) -> None:
    found = ended_deployment(DeploymentState(state), reason)
    found.replicas = 1
    assert summary(found) == expected
    # Docker Hub is told the same.
    assert found.has_image is (reason == "")


def test_summary_of_a_rollback_is_that_it_is_back() -> None:
    found = ended_deployment()
    found.cause = "rollback"
    assert summary(found) == "store is back at 0123456789ab (2 replicas)"
