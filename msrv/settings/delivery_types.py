# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of what is sent to the seller and to other programs.

Apart from `field_types`, which would become too long.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from msrv.hostnames import BadHostname, host_to_ascii

_MAILBOX: Final = re.compile(r"[^<>@,;\s]+@[^<>@,;\s]+")
_MAX_MAILBOXES: Final = 10
_MAX_ENDPOINTS: Final = 20
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - its form
_SECRET_BYTES: Final = (24, 64)
"""Bounds of a secret, by the specification of Standard Webhooks."""
WEBHOOK_EVENTS: Final = (
    "order.paid",
    "order.refunded",
    "order.disputed",
    "download.completed",
    "release.published",
)
_EVENT: Final = re.compile(r"[a-z]+\.[a-z]+")

Delivery = Literal["direct", "accel", "redirect", "cdn"]
"""Sender of files: the store, nginx in front of it, the bucket or a CDN."""
SENT_BY_OTHERS: Final = frozenset({"redirect", "cdn"})
"""Deliveries where a refund doesn't end what was handed out before."""


class NotifyTopic(StrEnum):
    """Topic of mails to the seller."""

    SALES = "sales"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    PROBLEMS = "problems"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


def _mailboxes(value: object) -> object:
    """Parse addresses separated by commas and spaces."""
    if not isinstance(value, str):
        return value
    found = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if len(found) > _MAX_MAILBOXES:
        raise ValueError(f"must be {_MAX_MAILBOXES} addresses at most")
    for each in found:
        if not _MAILBOX.fullmatch(each):
            raise ValueError("must be an address like you@example.org")
    return found


def _topics(value: object) -> object:
    """Parse topics separated by commas and spaces: `sales, weekly`."""
    if not isinstance(value, str):
        return value
    names = value.replace(",", " ").split()
    known = {each.value for each in NotifyTopic}
    for each in names:
        if each not in known:
            raise ValueError(
                f"must be some of {', '.join(NotifyTopic)}, not {each!r}"
            )
    return tuple(each for each in NotifyTopic if each in names)


@dataclass(frozen=True, slots=True)
class OutgoingEndpoint:
    """Receiver of webhooks: its URL, its secrets, and the events it gets.

    The first secret is the current one; each webhook is signed with all.
    """

    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    events: tuple[str, ...] = WEBHOOK_EVENTS


def parse_webhooks(
    text: str, private_hosts: tuple[str, ...]
) -> tuple[OutgoingEndpoint, ...]:
    """Parse MSRV_WEBHOOKS: an endpoint a line, or between semicolons.

    `URL SECRET[,OLDSECRET] [EVENT,EVENT]`. A line that begins with `#` is a
    comment to its end. Raises ValueError, without a secret in its text.
    """
    entries = [
        each.strip()
        for line in text.splitlines()
        if not line.lstrip().startswith("#")
        for each in line.split(";")
        if each.strip()
    ]
    if len(entries) > _MAX_ENDPOINTS:
        raise ValueError(f"must have {_MAX_ENDPOINTS} endpoints at most")
    found = [parse_endpoint(each, private_hosts) for each in entries]
    if len({each.url for each in found}) != len(found):
        raise ValueError("must not have a URL twice")
    return tuple(found)


def parse_endpoint(
    text: str, private_hosts: tuple[str, ...]
) -> OutgoingEndpoint:
    """Parse `URL SECRET [EVENTS]`. Raises ValueError."""
    parts = text.split()
    if not 2 <= len(parts) <= 3:
        raise ValueError(
            "must have lines like https://example.org/hook whsec_… "
            "order.paid,order.refunded, where the events may be left out"
        )
    url = check_outbound_url(parts[0], private_hosts)
    if any(_SECRET_PREFIX in each for each in parts[2:]):
        raise ValueError(
            "must have secrets that are separated by a comma without a space"
        )
    secrets = tuple(_secret(each) for each in parts[1].split(","))
    names = tuple(parts[2].split(",")) if parts[2:] else WEBHOOK_EVENTS
    for each in names:
        if each not in WEBHOOK_EVENTS:
            # Any other word may be a secret, or a part of one.
            quoted = f", not {each!r}" if _EVENT.fullmatch(each) else ""
            raise ValueError(
                f"must have some of the events {', '.join(WEBHOOK_EVENTS)}"
                f"{quoted}"
            )
    return OutgoingEndpoint(url, secrets, names)


def check_outbound_url(url: str, private_hosts: tuple[str, ...]) -> str:
    """Return a URL that requests may be sent to, with its host in ASCII.

    Raises ValueError. Anything but HTTPS only for one of `private_hosts`.
    """
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
        host = host_to_ascii(f"[{name}]" if ":" in name else name)
        port = "" if parts.port is None else f":{parts.port}"
    except (BadHostname, ValueError):
        raise ValueError(
            "must have URLs like https://example.org/hook"
        ) from None
    if parts.scheme not in {"http", "https"} or parts.fragment:
        raise ValueError("must have URLs like https://example.org/hook")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must have URLs without a user name")
    if parts.scheme == "http" and host.strip("[]") not in private_hosts:
        raise ValueError(
            f"must have URLs with https://; http:// only for a host like "
            f"{host} if it is in MSRV_PRIVATE_HOSTS"
        )
    return parts._replace(netloc=f"{host}{port}").geturl()


def _secret(text: str) -> bytes:
    least, most = _SECRET_BYTES
    try:
        coded = text.removeprefix(_SECRET_PREFIX).rstrip("=")
        found = base64.b64decode(
            coded + "=" * (-len(coded) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        found = b""
    if not text.startswith(_SECRET_PREFIX) or not least <= len(found) <= most:
        raise ValueError(
            f"must have secrets like whsec_… with {least} to {most} bytes in "
            "Base64"
        )
    return found


def _hosts(value: object) -> object:
    """Parse host names and addresses separated by commas and spaces."""
    if not isinstance(value, str):
        return value
    found = []
    for each in value.replace(",", " ").split():
        try:
            name = f"[{each}]" if ":" in each and each[0] != "[" else each
            found.append(host_to_ascii(name).strip("[]"))
        except BadHostname as error:
            raise ValueError(
                f"must be hosts like listmonk.internal; {each!r} {error}"
            ) from None
    return tuple(found)


Mailboxes = Annotated[tuple[str, ...], BeforeValidator(_mailboxes)]
NotifyTopics = Annotated[tuple[NotifyTopic, ...], BeforeValidator(_topics)]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_hosts)]


def check_delivery(
    delivery: Delivery, bucket: str | None, proxies: Sequence[object]
) -> None:
    """Raise ValueError for a delivery that the library doesn't allow."""
    if delivery in SENT_BY_OTHERS and bucket is None:
        raise ValueError(
            f"MSRV_DELIVERY={delivery} needs a library in a bucket: set "
            "MSRV_LIBRARY to its address, like s3://bucket/prefix"
        )
    if delivery == "accel" and not proxies:
        raise ValueError(
            "MSRV_DELIVERY=accel needs MSRV_TRUSTED_PROXIES: "
            "the network of the nginx in front"
        )
