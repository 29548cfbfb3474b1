# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Galera cluster for the tests: three nodes of MariaDB on this machine."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sqlalchemy import text

from msrv.ledger.connection_rules import DEFAULT_RULES, ConnectionRules
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseError
from tests.ledger.mariadb_server import MariaDBServer
from tests.store_process import free_port

PROVIDERS: Final = (
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
)
JOIN_SECONDS: Final = 90
_STARTS: Final = 3
USER: Final = "mysql"
_POSITION: Final = re.compile(r"Recovered position: (\S+:-?\d+)")


def find() -> str | None:
    """Return the path of Galera's library, None if it isn't installed."""
    return next((each for each in PROVIDERS if Path(each).exists()), None)


@dataclass(slots=True)
class Node:
    """Node of a cluster."""

    server: MariaDBServer
    options: tuple[str, ...]
    rules: ConnectionRules = DEFAULT_RULES

    def start(self, *options: str) -> None:
        """Start it, and wait until it takes statements."""
        self.server.start(*self.options, *options)
        self.wait()

    def start_after_kill(self) -> None:
        """Start it where its files are, as `galera_recovery` does.

        On a busy machine a node gives up joining, and is started again, as
        it is by systemd.
        """
        for _ in range(_STARTS - 1):
            try:
                self._recover()
            except AssertionError:
                self.server.kill()
            else:
                return
        self._recover()

    def _recover(self) -> None:
        server = self.server
        found = subprocess.run(
            [
                server.program,
                "--no-defaults",
                f"--datadir={server.folder / 'data'}",
                f"--user={USER}",
                "--innodb-log-file-size=32M",
                *self.options,
                "--wsrep-recover",
                "--skip-networking",
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=JOIN_SECONDS,
        )
        position = _POSITION.search(found.stderr + found.stdout)
        assert position, found.stdout + found.stderr[-3000:]
        self.start(f"--wsrep-start-position={position[1]}")

    def wait(self) -> None:
        """Wait until it takes statements."""
        until = time.monotonic() + JOIN_SECONDS
        while not asyncio.run(self._is_ready()):
            assert time.monotonic() < until, "the node has not joined"
            time.sleep(0.05)

    def open(self, name: str) -> Database:
        """Open one of its databases."""
        return Database(self.server.url(name), rules=self.rules)

    async def _is_ready(self) -> bool:
        database = self.open("mysql")
        try:
            async with database.read_transaction() as connection:
                rows = await connection.execute(
                    text(
                        "SHOW STATUS WHERE Variable_name = 'wsrep_ready' "
                        "OR Variable_name = 'wsrep_local_state_comment'"
                    )
                )
                return {row[1] for row in rows} == {"ON", "Synced"}
        except DatabaseError:
            return False
        finally:
            await database.close()


Cluster = tuple[Node, Node, Node]


@contextmanager
def running(mariadbd: str, provider: str) -> Iterator[Cluster]:
    """Run a cluster of three nodes; at first, their files are the same.

    As root they run as the user `mysql`: rsync gives up root's rights, and
    couldn't write their files.
    """
    with tempfile.TemporaryDirectory(prefix="msrv-galera-") as folder:
        own(Path(folder))
        yield from _run(mariadbd, provider, Path(folder))


def own(path: Path) -> None:
    """Give a folder and its files to the nodes' user."""
    if os.getuid() == 0:
        for each in (path, *path.rglob("*")):
            shutil.chown(each, USER, USER)


def _run(mariadbd: str, provider: str, folder: Path) -> Iterator[Cluster]:
    numbers: set[int] = set()
    while len(numbers) < 4 * 3:
        numbers.add(free_port())
    ports = [sorted(numbers)[at : at + 4] for at in (0, 4, 8)]
    group = ",".join(f"127.0.0.1:{each[1]}" for each in ports)
    one, two, three = (
        Node(
            MariaDBServer(
                mariadbd, folder / str(number), own_ports[0], "32M", USER
            ),
            _options(provider, group, number, own_ports[1:]),
        )
        for number, own_ports in enumerate(ports, 1)
    )
    for each in (one, two, three):
        each.server.folder.mkdir()
        own(each.server.folder)
    one.server.install()
    one.server.stop()
    one.start("--wsrep-new-cluster")
    one.server.stop()
    for each in (two, three):
        shutil.copytree(
            one.server.folder / "data", each.server.folder / "data"
        )
        own(each.server.folder)
    try:
        one.start("--wsrep-new-cluster")
        two.start()
        three.start()
        yield one, two, three
    finally:
        for node in (three, two, one):
            if node.server.process is not None:
                node.server.kill()


def _options(
    provider: str, group: str, number: int, ports: list[int]
) -> tuple[str, ...]:
    port, changes, files = ports
    inner: dict[str, str | int] = {
        "base_host": "127.0.0.1",
        "base_port": port,
        "gmcast.listen_addr": f"tcp://127.0.0.1:{port}",
        "ist.recv_addr": f"127.0.0.1:{changes}",
    }
    return (
        *node_options(provider, group, f"node{number}", "127.0.0.1", inner),
        f"--wsrep-sst-receive-address=127.0.0.1:{files}",
    )


def node_options(
    provider: str,
    group: str,
    name: str,
    host: str,
    inner: Mapping[str, str | int],
) -> tuple[str, ...]:
    """Return the options of a node; `inner` are more of Galera's own.

    `group` is the addresses of all nodes, and `host` is this one's.
    """
    all_inner = {
        "gcache.size": "32M",
        # Others are missed sooner than by default.
        "evs.keepalive_period": "PT0.5S",
        "evs.suspect_timeout": "PT2S",
        "evs.inactive_timeout": "PT4S",
        "pc.recovery": "false",
        **inner,
    }
    joined = "; ".join(f"{key}={value}" for key, value in all_inner.items())
    return (
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
        "--wsrep-on=ON",
        f"--wsrep-provider={provider}",
        f"--wsrep-cluster-address=gcomm://{group}",
        "--wsrep-cluster-name=msrv",
        f"--wsrep-node-name={name}",
        f"--wsrep-node-address={host}",
        "--wsrep-sst-method=rsync",
        f"--wsrep-provider-options={joined}",
    )


class WriterProxy:
    """Port that leads to one node, as HAProxy does with `backup` servers."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(
            self._connect, "127.0.0.1", 0, family=socket.AF_INET
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        assert self._server is not None
        self._server.close()
        self.lead_to(self._target)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def lead_to(self, port: int) -> None:
        """Lead to another node, and close the connections to the former."""
        self._target = port
        for each in self._writers:
            each.transport.abort()

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            inner, outer = await asyncio.open_connection(
                "127.0.0.1", self._target
            )
        except OSError:
            writer.transport.abort()
            return
        both = {writer, outer}
        self._writers |= both
        await asyncio.gather(_copy(reader, outer), _copy(inner, writer))
        self._writers -= both


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
