# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Public addresses, those that no request goes to, and lookups of names."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from msrv.outbound.addresses import (
    MAX_LOOKUPS,
    HostResolver,
    PrivateAddress,
    Unreachable,
    is_public,
)
from tests.polling import wait_until


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fec0::1",
        "feff:ffff::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "192.0.0.8",
        "192.0.0.192",
        "168.63.129.16",
        "3fff::1",
        "nonsense",
    ],
)
def test_private_address_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_public_address_is_public() -> None:
    for address in ("93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"):
        assert is_public(address)


class SilentNameServer:
    """Lookups of `*.dead` take until `responds` is set."""

    def __init__(self) -> None:
        self.responds = threading.Event()
        self.asked: list[str] = []
        self.threads: set[threading.Thread] = set()

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[object]:
        self.asked.append(host)
        self.threads.add(threading.current_thread())
        if host.endswith(".dead"):
            self.responds.wait()
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentNameServer]:
    found = SilentNameServer()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    yield found
    found.responds.set()


async def give_up_on(resolver: HostResolver, *hosts: str) -> None:
    found = await asyncio.gather(
        *(
            resolver.resolve(
                each, 443, allow_private=False, timeout_seconds=0.05
            )
            for each in hosts
        ),
        return_exceptions=True,
    )
    assert {type(each) for each in found} == {Unreachable}


async def test_silent_name_server_blocks_no_thread_of_downloads(
    name_server: SilentNameServer,
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    with HostResolver() as resolver:
        await give_up_on(resolver, "a.dead", "b.dead")
        try:
            async with asyncio.timeout(30):
                assert await asyncio.to_thread(lambda: "bytes") == "bytes"
        finally:
            name_server.responds.set()


async def test_dead_host_occupies_one_thread_and_delays_no_other_host(
    name_server: SilentNameServer,
) -> None:
    with HostResolver() as resolver:
        for _ in range(3):
            await give_up_on(resolver, *["one.dead"] * MAX_LOOKUPS)
        await wait_until(lambda: name_server.asked)
        assert name_server.asked == ["one.dead"]
        (found,) = await resolver.resolve("alive", 443, allow_private=False)
        assert (found["host"], found["port"]) == ("8.8.8.8", 443)
        # Asked anew once the former lookup has ended.
        name_server.responds.set()
        with pytest.raises(Unreachable):
            await resolver.resolve("one.dead", 443, allow_private=False)
        with pytest.raises(Unreachable):
            await resolver.resolve("one.dead", 443, allow_private=False)
        assert name_server.asked.count("one.dead") > 1


async def test_lookups_are_bounded_and_their_threads_end(
    name_server: SilentNameServer,
) -> None:
    hosts = [f"{number}.dead" for number in range(3 * MAX_LOOKUPS)]
    with HostResolver() as resolver:
        await give_up_on(resolver, *hosts)
        await wait_until(lambda: len(name_server.asked) == MAX_LOOKUPS)
        assert len(name_server.threads) == MAX_LOOKUPS
        assert all("host lookup" in each.name for each in name_server.threads)
    name_server.responds.set()
    for each in name_server.threads:
        await asyncio.to_thread(each.join)
    # Those that had not begun never do.
    assert len(name_server.asked) == MAX_LOOKUPS


async def test_host_with_a_private_address_is_refused() -> None:
    with HostResolver() as resolver:
        with pytest.raises(PrivateAddress):
            await resolver.resolve("127.0.0.1", 443, allow_private=False)
        (found,) = await resolver.resolve("127.0.0.1", 443, allow_private=True)
    assert found["host"] == "127.0.0.1"
