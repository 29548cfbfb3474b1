# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Containers: their target, and what they lack or what stands in the way."""

from typing import Any

import pytest

from msrv.deployer.config_model import Target
from msrv.deployer.engine.container import (
    REPLACES,
    belongs_to,
    networks_without_names,
    obstacle_to_a_second,
)
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


@pytest.mark.parametrize(
    ("aliases", "expected"),
    [
        (None, ["shop_edge"]),
        ([], ["shop_edge"]),
        (["app"], ["shop_edge"]),
        (["app", "shop-app-1", "fedcba987654"], []),
    ],
)
def test_network_lacks_a_name_until_the_successor_has_them_all(
    aliases: list[str] | None, expected: list[str]
) -> None:
    """The short id among the aliases is a container's own."""
    old = compose_container()
    new = compose_container()
    new["NetworkSettings"] = {"Networks": {"shop_edge": {"Aliases": aliases}}}
    assert networks_without_names(old, new) == expected


def test_successor_lacks_its_service_s_name_until_it_has_that() -> None:
    """Its predecessor disappeared before it could get the names."""
    container = compose_container()
    container["Config"]["Labels"][REPLACES] = "fedcba9876543210"
    endpoint = container["NetworkSettings"]["Networks"]["shop_edge"]
    assert networks_without_names(container, container) == []
    endpoint["Aliases"] = ["0123456789ab"]
    assert networks_without_names(container, container) == ["shop_edge"]
    del container["Config"]["Labels"][REPLACES]
    assert networks_without_names(container, container) == []


@pytest.mark.parametrize("network", ["bridge", "default"])
def test_networks_without_aliases_lack_none(network: str) -> None:
    old = compose_container()
    old["NetworkSettings"] = {"Networks": {network: {"Aliases": ["app"]}}}
    new = compose_container()
    new["NetworkSettings"] = {"Networks": {network: {"Aliases": None}}}
    assert networks_without_names(old, new) == []
    new["NetworkSettings"] = {"Networks": {}}
    assert networks_without_names(old, new) == [network]


def test_networks_that_can_t_be_joined_are_left_out() -> None:
    old = compose_container()
    old["NetworkSettings"] = {"Networks": {"host": {}, "none": {}}}
    assert networks_without_names(old, compose_container()) == []


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"project": "shop", "service": "app"}, True),
        ({"project": "other", "service": "app"}, False),
        ({"project": "shop", "service": "db"}, False),
        ({"containers": ["shop-app-1"]}, True),
        ({"containers": ["shop-app"]}, False),
    ],
)
def test_container_belongs_to_a_target_by_labels_or_by_name(
    selector: dict[str, Any], *, expected: bool
) -> None:
    target = Target.model_validate(
        {"name": "store", "repository": "a/b", **selector}
    )
    container = compose_container()
    container["Config"]["Labels"]["com.docker.compose.project"] = "shop"
    assert belongs_to(target, container) is expected
