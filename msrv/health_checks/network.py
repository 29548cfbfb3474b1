# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of the way to the store: DNS, its public address, and its port."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from msrv.display_text import reason_of
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    failed,
    in_thread,
    passed,
    warned,
)
from msrv.health_checks.published_keys import (
    Answer,
    StoreAnswer,
    identify_store,
)
from msrv.hostnames import address_of
from msrv.translations import deferred, gettext_noop

_PROBLEMS: Final = {
    Answer.UNTRUSTED: (
        gettext_noop(
            "the certificate at %(where)s is not trusted: %(reason)s"
        ),
        gettext_noop(
            "see certificate; until then, visitors see a warning page"
        ),
    ),
    Answer.OTHER_STORE: (
        gettext_noop("a store with another NONCE answers at %(where)s"),
        gettext_noop("use the same NONCE on every replica"),
    ),
    Answer.OTHER_PROGRAM: (
        gettext_noop(
            "what answers at %(where)s is not this store (%(reason)s)"
        ),
        gettext_noop("check where the proxy or router in front leads"),
    ),
    Answer.NOTHING: (
        gettext_noop("nothing answers at %(where)s: %(reason)s"),
        gettext_noop(
            "start the store, and listen on that address "
            "(MSRV_HOST, MSRV_PORT)"
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class PublicHost:
    """Host and port of MSRV_PUBLIC_URL."""

    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> "PublicHost":
        """Parse a public URL, which is valid."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        return cls(parts.hostname or "", port, secure)

    @property
    def is_of_this_machine(self) -> bool:
        """True for names and addresses that only this machine can use."""
        address = address_of(self.host)
        if address is not None:
            return address.is_loopback
        return self.host == "localhost" or self.host.endswith(".localhost")


async def check_dns(context: CheckContext) -> Sequence[Finding]:
    """Check that the public name has addresses, and which machine's."""
    url = context.settings.public_url
    if url is None:
        return [
            warned(
                deferred(
                    "MSRV_PUBLIC_URL is not set: visitors have no address for "
                    "the store"
                ),
                deferred(
                    "set it to the address that they type, like "
                    "https://shop.example"
                ),
            )
        ]
    public = PublicHost.of(url)
    if public.is_of_this_machine:
        return [
            warned(
                deferred("only this machine can open %(url)s", url=url),
                deferred(
                    "set MSRV_PUBLIC_URL to a name of your own before you sell"
                ),
            )
        ]
    try:
        addresses = await resolve(public)
    except OSError as error:
        return [
            failed(
                deferred(
                    "%(host)s has no address: %(reason)s",
                    host=public.host,
                    reason=reason_of(error),
                ),
                deferred(
                    "add an A record (and AAAA, for IPv6) with this machine's "
                    "address where you registered the domain; new "
                    "records need "
                    "minutes to hours"
                ),
            )
        ]
    found = []
    for address in addresses:
        ip = address_of(address)
        if ip is not None and (ip.is_loopback or ip.is_link_local):
            found.append(
                failed(
                    deferred(
                        "%(host)s is %(address)s, which no visitor can reach",
                        host=public.host,
                        address=address,
                    ),
                    deferred(
                        "change the record to this machine's public address"
                    ),
                )
            )
        elif ip is not None and ip.is_private:
            found.append(
                warned(
                    deferred(
                        "%(host)s is %(address)s, an address of a "
                        "private network",
                        host=public.host,
                        address=address,
                    ),
                    deferred(
                        "change the record, unless only that network "
                        "should buy"
                    ),
                )
            )
        elif await in_thread(_is_local, address):
            found.append(
                passed(
                    deferred(
                        "%(host)s is %(address)s, this machine",
                        host=public.host,
                        address=address,
                    )
                )
            )
        else:
            found.append(
                warned(
                    deferred(
                        "%(host)s is %(address)s, which is not an "
                        "address of this "
                        "machine",
                        host=public.host,
                        address=address,
                    ),
                    deferred(
                        "nothing, if it is the proxy or router in front "
                        "and the "
                        "address below answers; otherwise change the record"
                    ),
                )
            )
    return found


async def check_address(context: CheckContext) -> Sequence[Finding]:
    """Check that this store answers at each of its public addresses."""
    url = context.settings.public_url
    if url is None:
        return []  # the check of DNS says so
    public = PublicHost.of(url)
    try:
        addresses = await resolve(public)
    except OSError as error:
        return [
            failed(
                deferred(
                    "%(host)s can't be looked up: %(reason)s",
                    host=public.host,
                    reason=reason_of(error),
                ),
                deferred("see DNS"),
            )
        ]
    answers = await asyncio.gather(
        *(identify_store(context.keyring, url, each) for each in addresses)
    )
    return [
        _describe(
            answer,
            f"{url} ({address})",
            secure=public.secure,
            # In a container, a proxy in front is another machine.
            is_local=not context.settings.trusted_proxies
            and await in_thread(_is_local, address),
        )
        for address, answer in zip(addresses, answers, strict=True)
    ]


def _describe(
    answer: StoreAnswer, where: str, *, secure: bool, is_local: bool
) -> Finding:
    """Return the finding for who answers at a public address."""
    match answer.kind:
        case Answer.THIS_STORE if secure:
            return passed(
                deferred("this store answers at %(where)s", where=where)
            )
        case Answer.THIS_STORE:
            return warned(
                deferred(
                    "this store answers at %(where)s without encryption",
                    where=where,
                ),
                deferred("serve HTTPS: receipts are secrets of their buyers"),
            )
        case Answer.NOTHING if not is_local:
            return warned(
                deferred(
                    "nothing answers at %(where)s from here: %(reason)s",
                    where=where,
                    reason=answer.reason,
                ),
                deferred(
                    "open it from another network, such as a phone's: some "
                    "routers don't lead back inside; if it fails there too, "
                    "forward the port and open the firewall"
                ),
            )
    text, fix = _PROBLEMS[answer.kind]
    return failed(
        deferred(text, where=where, reason=answer.reason), deferred(fix)
    )


async def resolve(public: PublicHost) -> list[str]:
    """Return the addresses of a host, each once. Raises OSError."""
    literal = address_of(public.host)
    if literal is not None:
        return [str(literal)]
    found = await in_thread(
        lambda: socket.getaddrinfo(
            public.host, public.port, type=socket.SOCK_STREAM
        )
    )
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _is_local(address: str) -> bool:
    """Return whether an address is one of this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        contextlib.suppress(OSError),
        socket.socket(family, socket.SOCK_DGRAM) as probe,
    ):
        probe.bind((address, 0))  # fails for others' addresses
        return True
    return False
