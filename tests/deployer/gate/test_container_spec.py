# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Specification of a successor: what is kept, and what its image decides."""

from typing import Any

import pytest

from msrv.deployer.errors import NotReplaceable
from msrv.deployer.gate.container_spec import successor_spec
from tests.deployer.compose_container import OLD_IMAGE, compose_container


def successor(old: dict[str, Any], *, named: bool = False) -> dict[str, Any]:
    return successor_spec(
        old, OLD_IMAGE, "sha256:new", {"ours": "1"},
        named=named,
    )  # fmt: skip


def test_values_of_the_old_image_are_left_to_the_new_one() -> None:
    made = successor(compose_container())
    assert made["Image"] == "sha256:new"
    assert made["Env"] == ["NONCE=a=b"]
    for key in ("Cmd", "Entrypoint", "User", "Hostname"):
        assert key not in made
    # These differ from the image's.
    assert made["Healthcheck"] == {"Test": ["CMD", "two"]}
    assert made["ExposedPorts"] == {"9000/tcp": {}}
    assert made["HostConfig"]["ReadonlyRootfs"] is True


def test_labels_of_compose_are_kept_and_name_the_new_image() -> None:
    assert successor(compose_container())["Labels"] == {
        "com.docker.compose.service": "app",
        "com.docker.compose.image": "sha256:new",
        "ours": "1",
    }


def test_custom_command_and_entry_point_are_kept() -> None:
    old = compose_container()
    old["Config"]["Cmd"] = ["deployer"]
    made = successor(old)
    assert made["Cmd"] == ["deployer"]
    assert "Entrypoint" not in made
    # An entry point of one's own stays with all that it is given.
    old["Config"]["Entrypoint"] = ["sh"]
    old["Config"]["Cmd"] = ["serve"]
    made = successor(old)
    assert (made["Entrypoint"], made["Cmd"]) == (["sh"], ["serve"])


def test_aliases_are_left_out_unless_named() -> None:
    config = successor(compose_container())["NetworkingConfig"][
        "EndpointsConfig"
    ]
    assert config == {"shop_edge": {}}
    named = successor(compose_container(), named=True)["NetworkingConfig"]
    assert named["EndpointsConfig"] == {
        "shop_edge": {"Aliases": ["app", "shop-app-1"]}
    }


def test_name_that_begins_the_id_by_chance_is_kept() -> None:
    """Only the first twelve digits are the engine's own."""
    old = compose_container()
    old["Id"] = "cafe01" + "0" * 58
    old["Config"]["Hostname"] = "cafe"
    networks = old["NetworkSettings"]["Networks"]
    networks["shop_edge"]["Aliases"] = ["cafe", "cafe01000000"]
    made = successor(old, named=True)
    assert made["Hostname"] == "cafe"
    config = made["NetworkingConfig"]["EndpointsConfig"]
    assert config == {"shop_edge": {"Aliases": ["cafe"]}}
    old["Config"]["Hostname"] = "cafe01000000"
    assert "Hostname" not in successor(old)


def test_anonymous_volume_is_kept() -> None:
    old = compose_container()
    old["HostConfig"]["Binds"] = ["/library:/library:ro"]
    old["Mounts"] = [
        {"Type": "bind", "Source": "/library", "Destination": "/library"},
        {"Type": "volume", "Name": "f00", "Destination": "/data", "RW": True},
    ]
    host = successor(old)["HostConfig"]
    assert host["Binds"] == ["/library:/library:ro"]
    assert host["Mounts"] == [
        {
            "Type": "volume",
            "Source": "f00",
            "Target": "/data",
            "ReadOnly": False,
        }
    ]


@pytest.mark.parametrize(
    "host", [{"AutoRemove": True}, {"NetworkMode": "container:db"}]
)
def test_container_that_could_not_be_restored_is_not_replaceable(
    host: dict[str, Any],
) -> None:
    with pytest.raises(NotReplaceable):
        successor(compose_container(HostConfig=host))
