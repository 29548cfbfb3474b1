# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client of the deployer's API for the command line.

It sends the token of deploy.toml, so it runs on the deployer's machine or in
its container: `docker compose exec deployer msrv deployments`.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from msrv.deployer.config_model import DeployConfig
from msrv.deployer.errors import RequestFailed
from msrv.deployer.server import listen_address
from msrv.settings import Settings
from msrv.text_table import table

_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 30
_BAR_WIDTH: Final = 20
_FINAL: Final = frozenset(
    {"succeeded", "unchanged", "failed", "broken", "superseded"}
)


@dataclass(frozen=True, slots=True)
class DeployerClient:
    """Client of one deployer."""

    url: str
    token: str

    @classmethod
    def from_settings(
        cls, settings: Settings, config: DeployConfig, url: str | None
    ) -> Self:
        """Return a client of the deployer with these settings.

        Raises RequestFailed if deploy.toml has no token.
        """
        if config.token is None:
            raise RequestFailed("deploy.toml has no token: set token_file")
        host, port = listen_address(settings)
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            host = "127.0.0.1"
        return cls(
            (url or f"http://{host}:{port}").rstrip("/"),
            config.token.get_secret_value(),
        )

    def request(self, path: str, method: str = "GET") -> Any:  # noqa: ANN401
        """Return the JSON of a response. Raises RequestFailed."""
        request = urllib.request.Request(  # noqa: S310 - the operator's own
            self.url + path,
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 - as above
                request, timeout=_SECONDS
            ) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                reason = {
                    401: "it has another token than this deploy.toml",
                    404: "not found",
                }.get(error.code, f"status {error.code}")
            raise RequestFailed(
                f"the deployer at {self.url}: {reason}"
            ) from None
        except (OSError, ValueError) as error:
            cause = getattr(error, "reason", error)
            raise RequestFailed(
                f"no deployer responds at {self.url}: {cause}; set its "
                "address with --url"
            ) from None


def format_table(deployments: list[dict[str, Any]], now: float) -> str:
    """Return deployments in columns, in the order given."""
    rows = [("id", "target", "state", "requested", "image", "progress")]
    rows += [
        (
            str(each["id"]),
            str(each["target"]),
            str(each["state"]),
            f"{_duration(now - each['requested_at'])} ago",
            short_digest(each["reference"]) or "-",
            progress(each),
        )
        for each in deployments
    ]
    return table(rows)


def short_digest(reference: str) -> str:
    """Return the first 12 digits of the digest that ends a reference."""
    return reference.rpartition(":")[2][:12]


def progress(deployment: dict[str, Any]) -> str:
    """Return the progress of a deployment in one line."""
    if deployment["state"] not in {"running", "waiting"}:
        return str(deployment["reason"])
    step = (
        str(deployment["step"])
        if deployment["state"] == "running"
        else (f"waiting: {deployment['reason']}")
    )
    if step.startswith("pulling") and deployment["of_bytes"]:
        have, of = deployment["have_bytes"], deployment["of_bytes"]
        return f"{_bar(have / of)} {have / 1e6:.1f} of {of / 1e6:.1f} MB"
    if not deployment["replicas"]:
        return step
    done, replicas = deployment["done"], deployment["replicas"]
    return f"{_bar(done / replicas)} {done}/{replicas} {step}"


def follow(
    client: DeployerClient,
    deployment: str,
    sleep: Callable[[float], None] = time.sleep,
    ticks: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """Yield each new line of a deployment's log until it has ended.

    Raises RequestFailed after half a minute without a response: a deployer
    that updates itself is away for a moment. `ticks` returns monotonic
    seconds.
    """
    shown: list[str] = []
    responded_at = ticks()
    while True:
        try:
            found = client.request(f"/deployments/{deployment}")
            responded_at = ticks()
        except RequestFailed:
            if ticks() - responded_at > _AWAY_SECONDS or not shown:
                raise
            sleep(_POLL_SECONDS)
            continue
        lines = found["lines"]
        # The deployer drops the lines of an attempt that repeats another.
        if shown[: len(lines)] != lines:
            is_continued = lines[: len(shown)] == shown
            yield from lines[len(shown) :] if is_continued else lines
            shown = lines
        if found["state"] in _FINAL:
            yield f"{found['target']}: {found['state']}"
            return
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{progress(found)}\r")
            sys.stderr.flush()
        sleep(_POLL_SECONDS)


def has_failed(found: Mapping[str, Any]) -> bool:
    """Return whether a deployment is finished without success.

    An unchanged one with a reason was refused.
    """
    return (
        found["state"] in _FINAL
        and found["state"] != "succeeded"
        and (found["state"] != "unchanged" or bool(found["reason"]))
    )


def _bar(part: float) -> str:
    full = round(min(max(part, 0), 1) * _BAR_WIDTH)
    return f"[{'=' * full}{' ' * (_BAR_WIDTH - full)}]"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(max(seconds, 0))} s"
