"""What an operator sees of deployments in a terminal.

Asks the running deployer, with the token of deploy.toml: on the machine, or
in its container, `docker compose exec deployer msrv deployments`.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from msrv.deployer.config_model import Config
from msrv.deployer.errors import DeployerError
from msrv.deployer.server import address
from msrv.settings import Settings

_SECONDS: Final = 10
_LOOK_SECONDS: Final = 0.5
_BAR: Final = 20
_ENDS: Final = frozenset(
    {"succeeded", "unchanged", "failed", "broken", "superseded"}
)
_WELL: Final = frozenset({"succeeded", "unchanged"})


class NoAnswer(DeployerError):
    """The deployer can't be asked; says why, and the fix."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks a deployer."""

    url: str
    token: str

    @classmethod
    def of(
        cls, settings: Settings, config: Config, url: str | None
    ) -> "Asker":
        """Find the deployer of these settings. Raises NoAnswer."""
        if config.token is None:
            raise NoAnswer("deploy.toml has no token: set token_file in it")
        host, port = address(settings)
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            host = "127.0.0.1"
        return cls(
            (url or f"http://{host}:{port}").rstrip("/"),
            config.token.get_secret_value(),
        )

    def ask(self, path: str, method: str = "GET") -> Any:  # noqa: ANN401
        """Ask for JSON. Raises NoAnswer."""
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
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                reason = {
                    401: "it wants another token than this deploy.toml has",
                    404: "it knows no such thing",
                }.get(error.code, f"it answered {error.code}")
            raise NoAnswer(f"the deployer at {self.url}: {reason}") from None
        except (OSError, ValueError) as error:
            cause = getattr(error, "reason", error)
            raise NoAnswer(
                f"no deployer answers at {self.url}: {cause}; say where it "
                "is with --url"
            ) from None


def table(found: list[dict[str, Any]], now: float) -> str:
    """Lay deployments out in columns, newest first."""
    rows = [("id", "target", "state", "asked for", "image", "what")]
    rows += [
        (
            str(each["id"]),
            str(each["target"]),
            str(each["state"]),
            f"{_ago(now - each['requested_at'])} ago",
            image_of(each["reference"]) or "-",
            progress(each),
        )
        for each in found
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join(
        "  ".join(
            [
                *(
                    cell.ljust(width)
                    for cell, width in zip(row, widths, strict=False)
                ),
                row[5],
            ]
        ).rstrip()
        for row in rows
    )


def image_of(reference: str) -> str:
    """Shorten `repository@sha256:...` to what tells images apart."""
    return reference.rpartition(":")[2][:12]


def progress(each: dict[str, Any]) -> str:
    """Say in a line how far one is."""
    if each["state"] not in {"running", "waiting"}:
        return str(each["reason"])
    step = (
        str(each["step"])
        if each["state"] == "running"
        else (f"waiting: {each['reason']}")
    )
    if step.startswith("pulling") and each["of_bytes"]:
        have, of = each["have_bytes"], each["of_bytes"]
        return f"{_bar(have / of)} {have / 1e6:.1f} of {of / 1e6:.1f} MB"
    if not each["replicas"]:
        return step
    done, replicas = each["done"], each["replicas"]
    return f"{_bar(done / replicas)} {done}/{replicas} {step}"


def follow(
    asker: Asker,
    deployment: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Give each new line of one, until it has ended. Raises NoAnswer.

    A deployer that updates itself is away for a moment.
    """
    shown: list[str] = []
    silent = 0
    while True:
        try:
            found = asker.ask(f"/deployments/{deployment}")
            silent = 0
        except NoAnswer:
            silent += 1
            if silent > 60 or not shown:
                raise
            sleep(_LOOK_SECONDS)
            continue
        lines = found["lines"]
        new = lines[len(shown) :] if lines[: len(shown)] == shown else lines
        yield from new
        shown = lines
        if found["state"] in _ENDS:
            yield f"{found['target']}: {found['state']}"
            return
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{progress(found)}\r")
            sys.stderr.flush()
        sleep(_LOOK_SECONDS)


def ended_well(asker: Asker, deployment: str) -> bool:
    """Whether a deployment did what was wanted. Raises NoAnswer."""
    return asker.ask(f"/deployments/{deployment}")["state"] in _WELL


def _bar(part: float) -> str:
    full = round(min(max(part, 0), 1) * _BAR)
    return f"[{'=' * full}{' ' * (_BAR - full)}]"


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(max(seconds, 0))} s"
