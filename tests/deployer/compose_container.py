# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A container of Compose and its image, as the engine describes them."""

from typing import Any

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


def compose_container(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the engine's description of a container of Compose."""
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
