# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Images, states and errors of the container engine in memory."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import web

NONCE: Final = "NONCE=topsecret"

Health = Literal["healthy", "unhealthy", "starting", "crashed", "none"]


def digest_of(text: str) -> str:
    """Return a digest that belongs to this text alone."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def error(status: int, message: str) -> web.Response:
    """Return an error as the engine sends it."""
    return web.Response(
        body=json.dumps({"message": message}).encode(),
        status=status,
        headers={"Content-Type": "application/json"},
    )


@dataclass(slots=True)
class Image:
    """An image, and the repository that it was really pulled from."""

    id: str
    origin: str | None
    repo_digests: list[str] = field(default_factory=list)
    health: Health = "healthy"
    """The health of a container soon after its start."""


def state_of(health: Health) -> dict[str, Any]:
    """Return the state of a container soon after its start."""
    if health == "crashed":
        return {"Running": False, "ExitCode": 3}
    if health == "none":
        return {"Running": True}
    checks = [{"Output": "connection refused\n"}]
    return {
        "Running": True,
        "Health": {
            "Status": health,
            "Log": [] if health == "healthy" else checks,
        },
    }
