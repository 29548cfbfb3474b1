# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of the way to the store: DNS, its public address, and its port."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

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

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
_PROBLEMS: Final = {
    Answer.UNTRUSTED: (
        "the certificate at {where} is not trusted: {reason}",
        "see certificate; until then, visitors see a warning page",
    ),
    Answer.OTHER_STORE: (
        "a store with another NONCE answers at {where}",
        "use the same NONCE on every replica",
    ),
    Answer.OTHER_PROGRAM: (
        "what answers at {where} is not this store ({reason})",
        "check where the proxy or router in front leads",
    ),
    Answer.NOTHING: (
        "nothing answers at {where}: {reason}",
        "start the store, and listen on that address (MSRV_HOST, MSRV_PORT)",
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
                "MSRV_PUBLIC_URL is not set: visitors have no address for the "
                "store",
                "set it to the address that they type, like "
                "https://shop.example",
            )
        ]
    public = PublicHost.of(url)
    if public.is_of_this_machine:
        return [
            warned(
                f"only this machine can open {url}",
                "set MSRV_PUBLIC_URL to a name of your own before you sell",
            )
        ]
    try:
        addresses = await resolve(public)
    except OSError as error:
        return [
            failed(
                f"{public.host} has no address: {error.strerror}",
                "add an A record (and AAAA, for IPv6) with this machine's "
                "address where you registered the domain; new records need "
                "minutes to hours",
            )
        ]
    found = []
    for address in addresses:
        ip = address_of(address)
        if ip is not None and (ip.is_loopback or ip.is_link_local):
            found.append(
                failed(
                    f"{public.host} is {address}, which no visitor can reach",
                    "change the record to this machine's public address",
                )
            )
        elif ip is not None and ip.is_private:
            found.append(
                warned(
                    f"{public.host} is {address}, an address of a private "
                    "network",
                    "change the record, unless only that network should buy",
                )
            )
        elif await in_thread(_is_local, address):
            found.append(passed(f"{public.host} is {address}, this machine"))
        else:
            found.append(
                warned(
                    f"{public.host} is {address}, which is not an address of "
                    "this machine",
                    "nothing, if it is the proxy or router in front and the "
                    "address below answers; otherwise change the record",
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
                f"{public.host} can't be looked up: {error.strerror}",
                "see DNS",
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
            return passed(f"this store answers at {where}")
        case Answer.THIS_STORE:
            return warned(
                f"this store answers at {where} without encryption",
                "serve HTTPS: receipts are secrets of their buyers",
            )
        case Answer.NOTHING if not is_local:
            return warned(
                f"nothing answers at {where} from here: {answer.reason}",
                "open it from another network, such as a phone's: some "
                "routers don't lead back inside; if it fails there too, "
                "forward the port and open the firewall",
            )
    text, fix = _PROBLEMS[answer.kind]
    return failed(text.format(where=where, reason=answer.reason), fix)


async def check_ports(context: CheckContext) -> Sequence[Finding]:
    """Check that the store can listen on its ports, or does so already."""
    settings = context.settings
    scheme = "https" if settings.terminates_tls else "http"
    ports = [_Port(scheme, settings.listening_port, "MSRV_PORT")]
    if settings.redirecting_port is not None:
        ports.append(
            _Port("http", settings.redirecting_port, "MSRV_HTTP_PORT")
        )
    return [await _check_port(context, each) for each in ports]


@dataclass(frozen=True, slots=True)
class _Port:
    """Port of a store, and the setting that changes it."""

    scheme: str
    number: int
    setting: str


async def _check_port(context: CheckContext, port: _Port) -> Finding:
    settings = context.settings
    host = settings.host or ("0.0.0.0" if settings.domain else "127.0.0.1")  # noqa: S104 - as the store does
    name = f"port {port.number}" if port.number else "a free port"
    where = f"{name} of {host}"
    if context.serving:
        return passed(f"this store listens on {where}")
    try:
        await in_thread(_bind, host, port.number)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return _unusable_port(where, port, error)
    else:
        return passed(f"{where} is free")
    public = settings.public_url and PublicHost.of(settings.public_url)
    answer = await identify_store(
        context.keyring,
        # The name is in the TLS handshake, which a store may refuse.
        f"{port.scheme}://{public.host if public else 'localhost'}"
        f":{port.number}",
        _ANY.get(host, host),
        # This machine, by a certificate that may not name it.
        verify=False,
        redirects_to=settings.public_url,
    )
    if answer.kind is Answer.THIS_STORE:
        return passed(f"this store listens on {where}")
    if answer.kind is Answer.OTHER_STORE:
        return failed(
            f"a store with another NONCE listens on {where}",
            f"stop it, choose another {port.setting}, or run this command "
            "with the settings of that store",
        )
    return failed(
        f"another program listens on {where}",
        f"stop it (ss -ltnp 'sport = {port.number}' names it), or set "
        f"{port.setting}",
    )


def _unusable_port(where: str, port: _Port, error: OSError) -> Finding:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return failed(
            f"{where} needs a privilege",
            "use deploy/systemd/msrv.service, which grants "
            f"CAP_NET_BIND_SERVICE, or a port from 1024 on ({port.setting})",
        )
    return failed(
        f"can't listen on {where}: {error.strerror}",
        "set MSRV_HOST to an address of this machine",
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


def _bind(host: str, port: int) -> None:
    """Open and close a listening socket. Raises OSError."""
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        # As the store does; it still fails while another program listens.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)
