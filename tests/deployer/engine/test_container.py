"""Containers: their target, and what they lack or what stands in the way."""

from typing import Any

import pytest

from msrv.deployer.engine.container import obstacle_to_a_second
from tests.deployer.compose_container import compose_container


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            {"HostConfig": {"NetworkMode": "host"}},
            "it uses the host's network",
        ),
        (
            {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}},
            "it publishes 80/tcp on a fixed port of the host",
        ),
        (
            {
                "NetworkSettings": {
                    "Networks": {
                        "shop_edge": {
                            "IPAMConfig": {"IPv4Address": "10.0.0.2"}
                        }
                    }
                }
            },
            "it has a fixed address on shop_edge",
        ),
        ({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": ""}]}}}, ""),
        ({}, ""),
    ],
)
def test_obstacle_to_a_second_container_is_named(
    more: dict[str, Any], reason: str
) -> None:
    found = obstacle_to_a_second(compose_container(**more))
    assert (found or "").endswith(reason)
    assert bool(found) is bool(reason)
