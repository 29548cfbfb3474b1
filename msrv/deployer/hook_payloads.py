"""What a registry says: read as a hint, and never as more.

A hint is compared with deploy.toml. No part of a payload becomes a command,
a file's name or an image's; what of it is logged is cut short first.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from msrv.deployer.config_model import DEFAULT_TAG, Target, without_tag
from msrv.deployer.replays import identity

MAX_BYTES: Final = 256 * 1024
_MAX_TEXT: Final = 256
_MAX_URL: Final = 2048
_MAX_EVENTS: Final = 100


class Unreadable(ValueError):
    """What came is no JSON object."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A repository and a tag that are said to be new; empty for unsaid."""

    repository: str = ""
    tag: str = ""
    callback_url: str | None = None
    identities: tuple[str, ...] = ()
    """Digests that stand for this hook and for its push, for replays."""


def parse(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises Unreadable, however deep it goes."""
    try:
        data = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable("it is no JSON that can be read") from None
    if not isinstance(data, dict):
        raise Unreadable("it is no JSON object")
    return data


def dockerhub(data: dict[str, Any]) -> Hint:
    """Read Docker Hub's.

    https://docs.docker.com/docker-hub/repos/manage/webhooks/
    """
    callback = data.get("callback_url")
    if not isinstance(callback, str) or len(callback) > _MAX_URL:
        callback = None
    push = _member(data, "push_data")
    identities = [identity("body", data)]
    # Both are one push's own: Docker Hub makes an address for each.
    if callback:
        identities.append(identity("callback", callback))
    elif isinstance(push.get("pushed_at"), int | float):
        identities.append(
            identity("push", [push["pushed_at"], push.get("tag")])
        )
    return Hint(
        *_named(_member(data, "repository").get("repo_name"), push.get("tag")),
        callback,
        tuple(identities),
    )


def generic(data: dict[str, Any]) -> Hint:
    """Read `{"repository": ..., "tag": ...}`, or GitHub's package event.

    The tag may also be the end of the repository's name; where nothing says
    one, it is `latest`.
    https://docs.github.com/webhooks/webhook-events-and-payloads#package
    """
    package = _member(data, "package") or _member(data, "registry_package")
    if not package:
        repository, tag = _named(data.get("repository"), data.get("tag"))
        if repository and "tag" not in data:
            tag = tag or DEFAULT_TAG
        return Hint(repository, tag)
    namespace, name = _text(package.get("namespace")), package.get("name")
    version = _member(package, "package_version")
    tagged = _member(_member(version, "container_metadata"), "tag")
    return Hint(
        f"ghcr.io/{namespace}/{_text(name)}".lower(),
        _text(tagged.get("name")),
    )


def registry(data: dict[str, Any]) -> Iterator[Hint]:
    """Read the envelope of CNCF distribution: each push of a tag.

    https://distribution.github.io/distribution/about/notifications/
    """
    events = data.get("events")
    for event in events[:_MAX_EVENTS] if isinstance(events, list) else ():
        if not isinstance(event, dict) or event.get("action") != "push":
            continue
        target = _member(event, "target")
        if target.get("tag"):
            event_id = _text(event.get("id"))
            yield Hint(
                *_named(target.get("repository"), target.get("tag")),
                identities=(identity("event", event_id),) if event_id else (),
            )


def why_not(hint: Hint, target: Target) -> str | None:
    """Say why a hint is none for this target; None if it is."""
    if not hint.repository or not hint.tag:
        return "it names no repository and tag"
    if not target.place.is_meant_by(hint.repository):
        return f"it is about {hint.repository!r}, not {target.repository!r}"
    if hint.tag != target.tag:
        return f"it is about the tag {hint.tag!r}, not {target.tag!r}"
    return None


def _member(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _named(repository: object, tag: object) -> tuple[str, str]:
    """Read a repository and a tag; the name may end in the tag as well.

    Where the two differ, neither is believed: both are "".
    """
    name, inside = without_tag(_text(repository))
    if tag is None:
        return name, inside
    said = _text(tag)
    return (name, said) if inside in {"", said} else ("", "")


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
