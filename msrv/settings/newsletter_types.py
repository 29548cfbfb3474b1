# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field type of MSRV_NEWSLETTER: where addresses for a newsletter go.

Apart from `delivery_types`, whose endpoints it has a kind of.
"""

import re
from dataclasses import dataclass
from typing import Final

from msrv.settings.delivery_types import (
    OutgoingEndpoint,
    check_outbound_url,
    parse_endpoint,
)

_LISTMONK: Final = "listmonk"
_WEBHOOK: Final = "webhook"
_AGE: Final = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
_FORMS: Final = (
    "must be like 'listmonk https://listmonk.example LIST-UUID', 'webhook "
    "https://example.org/hook whsec_…', or a public key of age, 'age1…'"
)


@dataclass(frozen=True, slots=True)
class ListmonkLists:
    """Lists of a listmonk, at the origin `url`."""

    url: str
    list_uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SealedFile:
    """File of addresses that are sealed to a recipient of age."""

    recipient: str


NewsletterTarget = ListmonkLists | OutgoingEndpoint | SealedFile


def parse_newsletter(
    text: str, private_hosts: tuple[str, ...]
) -> NewsletterTarget:
    """Parse MSRV_NEWSLETTER. Raises ValueError, without a secret."""
    parts = text.split()
    if len(parts) == 1 and _AGE.fullmatch(parts[0]):
        return SealedFile(parts[0])
    if len(parts) != 3:
        raise ValueError(_FORMS)
    kind, url, rest = parts
    if kind == _WEBHOOK:
        return parse_endpoint(f"{url} {rest}", private_hosts)
    uuids = tuple(rest.lower().split(","))
    if kind != _LISTMONK or not all(_UUID.fullmatch(each) for each in uuids):
        raise ValueError(_FORMS)
    return ListmonkLists(
        check_outbound_url(url, private_hosts).rstrip("/"), uuids
    )
