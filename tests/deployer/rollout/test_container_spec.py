"""How a container is made again: what it was told stays, images' words go."""

from typing import Any

import pytest

from msrv.deployer.errors import CantReplace
from msrv.deployer.rollout import container_spec

OLD_IMAGE: dict[str, Any] = {
    "Config": {
        "Env": ["PATH=/bin", "VERSION=1"],
        "Cmd": ["serve"],
        "Entrypoint": ["msrv"],
        "User": "10001",
        "Labels": {"image.version": "1", "kept.by": "image"},
        "ExposedPorts": {"8000/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "one"]},
    }
}


def container(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Describe one of Compose's, as the engine does."""
    found: dict[str, Any] = {
        "Id": "0123456789abcdef",
        "Name": "/shop-app-1",
        "Config": {
            "Hostname": "0123456789ab",
            "Env": ["PATH=/bin", "VERSION=1", "NONCE=a=b"],
            "Cmd": ["serve"],
            "Entrypoint": ["msrv"],
            "User": "10001",
            "Labels": {
                "image.version": "1",
                "com.docker.compose.service": "app",
                "com.docker.compose.image": "sha256:old",
            },
            "ExposedPorts": {"8000/tcp": {}, "9000/tcp": {}},
            "Healthcheck": {"Test": ["CMD", "two"]},
        },
        "HostConfig": {"NetworkMode": "shop_edge", "ReadonlyRootfs": True},
        "NetworkSettings": {
            "Networks": {
                "shop_edge": {
                    "Aliases": ["app", "shop-app-1", "0123456789ab"],
                    "IPAMConfig": None,
                }
            }
        },
        "Mounts": [],
    }
    for key, value in more.items():
        found[key] = {**found[key], **value}
    return found


def again(old: dict[str, Any], *, named: bool = False) -> dict[str, Any]:
    return container_spec.spec(
        old, OLD_IMAGE, "sha256:new", {"ours": "1"},
        named=named,
    )  # fmt: skip


def test_what_the_image_said_is_left_to_the_next() -> None:
    """A new version runs with the old one's path, command or health check."""
    made = again(container())
    assert made["Image"] == "sha256:new"
    assert made["Env"] == ["NONCE=a=b"]
    for key in ("Cmd", "Entrypoint", "User", "Hostname"):
        assert key not in made
    # Whoever made the container said these.
    assert made["Healthcheck"] == {"Test": ["CMD", "two"]}
    assert made["ExposedPorts"] == {"9000/tcp": {}}
    assert made["HostConfig"]["ReadonlyRootfs"] is True


def test_compose_s_labels_stay_and_name_the_new_image() -> None:
    """Compose takes the container for another's, or makes it once more."""
    assert again(container())["Labels"] == {
        "com.docker.compose.service": "app",
        "com.docker.compose.image": "sha256:new",
        "ours": "1",
    }


def test_a_command_of_one_s_own_stays() -> None:
    """A deployer that is updated becomes a second store."""
    old = container()
    old["Config"]["Cmd"] = ["deployer"]
    made = again(old)
    assert made["Cmd"] == ["deployer"]
    assert "Entrypoint" not in made
    # An entry point of one's own stays with all that it is given.
    old["Config"]["Entrypoint"] = ["sh"]
    old["Config"]["Cmd"] = ["serve"]
    made = again(old)
    assert (made["Entrypoint"], made["Cmd"]) == (["sh"], ["serve"])


def test_names_come_later_unless_it_is_alone() -> None:
    """Visitors are sent to a store that has not proved itself."""
    config = again(container())["NetworkingConfig"]["EndpointsConfig"]
    assert config == {"shop_edge": {}}
    named = again(container(), named=True)["NetworkingConfig"]
    assert named["EndpointsConfig"] == {
        "shop_edge": {"Aliases": ["app", "shop-app-1"]}
    }


def test_a_volume_without_a_name_is_the_same_again() -> None:
    """What the store has written is gone after each update."""
    old = container()
    old["HostConfig"]["Binds"] = ["/library:/library:ro"]
    old["Mounts"] = [
        {"Type": "bind", "Source": "/library", "Destination": "/library"},
        {"Type": "volume", "Name": "f00", "Destination": "/data", "RW": True},
    ]
    host = again(old)["HostConfig"]
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
    ("more", "reason"),
    [
        ({"HostConfig": {"NetworkMode": "host"}}, "the machine's own network"),
        (
            {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}},
            "it holds a port of the machine for 80/tcp",
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
def test_who_can_t_run_twice_is_told_why(
    more: dict[str, Any], reason: str
) -> None:
    """An update ends halfway, with the port taken by the old store."""
    assert (container_spec.why_not_twice(container(**more)) or "").endswith(
        reason
    )
    assert bool(container_spec.why_not_twice(container(**more))) is bool(
        reason
    )


@pytest.mark.parametrize(
    "host", [{"AutoRemove": True}, {"NetworkMode": "container:db"}]
)
def test_what_has_no_way_back_is_not_begun(host: dict[str, Any]) -> None:
    """The old store removes itself as it ends, and nothing can be undone."""
    with pytest.raises(CantReplace):
        again(container(HostConfig=host))
