# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parsers of hooks' payloads: the repository and tag that were pushed.

Pure. A payload is only compared with deploy.toml. No part of it becomes a
command, a file name or an image, and parts that are logged are truncated.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from msrv.deployer.auth import fingerprint
from msrv.deployer.config_model import DEFAULT_TAG, Target, without_tag

MAX_BYTES: Final = 256 * 1024
_MAX_TEXT: Final = 256
_MAX_URL: Final = 2048
_MAX_EVENTS: Final = 100


class InvalidPayload(ValueError):
    """The body is not a JSON object."""


@dataclass(frozen=True, slots=True)
class Push:
    """A push that a hook reports; "" is a repository or tag not given."""

    repository: str = ""
    tag: str = ""
    callback_url: str | None = None
    fingerprints: tuple[str, ...] = ()
    """Digests that identify this hook and its push, to detect replays."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises InvalidPayload, also for deep nesting."""
    try:
        data = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidPayload("the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise InvalidPayload("the body is not a JSON object")
    return data


def parse_dockerhub(data: dict[str, Any]) -> Push:
    """Parse a payload of Docker Hub.

    https://docs.docker.com/docker-hub/repos/manage/webhooks/
    """
    callback = data.get("callback_url")
    if not isinstance(callback, str) or len(callback) > _MAX_URL:
        callback = None
    push = _member(data, "push_data")
    fingerprints = [fingerprint("body", data)]
    # Either is unique to a push: Docker Hub makes an address for each.
    if callback:
        fingerprints.append(fingerprint("callback", callback))
    elif isinstance(push.get("pushed_at"), int | float):
        fingerprints.append(
            fingerprint("push", [push["pushed_at"], push.get("tag")])
        )
    return Push(
        *_repository_and_tag(
            _member(data, "repository").get("repo_name"), push.get("tag")
        ),
        callback,
        tuple(fingerprints),
    )


def parse_generic(data: dict[str, Any]) -> Push:
    """Parse `{"repository": ..., "tag": ...}`, or GitHub's package event.

    The tag may also be the end of the repository's name; the default is
    `latest`.
    https://docs.github.com/webhooks/webhook-events-and-payloads#package
    """
    package = _member(data, "package") or _member(data, "registry_package")
    if not package:
        repository, tag = _repository_and_tag(
            data.get("repository"), data.get("tag")
        )
        if repository and "tag" not in data:
            tag = tag or DEFAULT_TAG
        return Push(repository, tag)
    namespace, name = _text(package.get("namespace")), package.get("name")
    version = _member(package, "package_version")
    tag_data = _member(_member(version, "container_metadata"), "tag")
    return Push(
        f"ghcr.io/{namespace}/{_text(name)}".lower(),
        _text(tag_data.get("name")),
    )


def parse_registry(data: dict[str, Any]) -> Iterator[Push]:
    """Parse an envelope of CNCF distribution: each event that pushes a tag.

    https://distribution.github.io/distribution/about/notifications/
    """
    events = data.get("events")
    for event in events[:_MAX_EVENTS] if isinstance(events, list) else ():
        if not isinstance(event, dict) or event.get("action") != "push":
            continue
        target = _member(event, "target")
        if target.get("tag"):
            event_id = _text(event.get("id"))
            yield Push(
                *_repository_and_tag(
                    target.get("repository"), target.get("tag")
                ),
                fingerprints=(fingerprint("event", event_id),)
                if event_id
                else (),
            )


def mismatch(push: Push, target: Target) -> str | None:
    """Return why a push is not one of the target's image, or None."""
    if not push.repository or not push.tag:
        return "it names no repository and tag"
    if not target.repository_name.matches(push.repository):
        return f"it is about {push.repository!r}, not {target.repository!r}"
    if push.tag != target.tag:
        return f"it is about the tag {push.tag!r}, not {target.tag!r}"
    return None


def _member(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _repository_and_tag(repository: object, tag: object) -> tuple[str, str]:
    """Return the repository, and the tag, which may be part of its name.

    Both are "" where the name contains another tag than `tag`.
    """
    name, tag_in_name = without_tag(_text(repository))
    if tag is None:
        return name, tag_in_name
    given = _text(tag)
    return (name, given) if tag_in_name in {"", given} else ("", "")


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
