# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Galera cluster for the tests, on three machines behind HAProxy.

Each machine is a network namespace with the address that the files in
`deploy/haproxy` have for it, and this thread is in that of the store.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from msrv.ledger.connection_rules import ConnectionRules
from tests.ledger.galera_cluster import USER, Node, node_options, own
from tests.ledger.mariadb_server import MariaDBServer
from tests.network_namespaces import LOOPBACK_UP, new_network

FILES: Final = Path(__file__).parents[2] / "deploy" / "haproxy"
_PORT: Final = 3306
_DOWN: Final = re.compile(r"Server ledger/node(\d) is DOWN")
_HOSTS: Final = ("10.1.2.11", "10.1.2.12", "10.1.2.13")
_RULES: Final = ConnectionRules(private_networks=(ip_network("10.1.2.0/24"),))
_STORE: Final = "10.1.2.1/24"


@dataclass(slots=True)
class Machine:
    """Network of a node, with a cable to a switch in this thread's network."""

    name: str
    host: str
    _init: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        # It ends with its input, even if the test is killed.
        self._init = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._init.stdout is not None
        self._init.stdout.readline()
        _ip(f"link add {self.name} type veth peer eth0 netns {self._init.pid}")
        _ip(f"link set {self.name} master switch up")
        self.run(*LOOPBACK_UP)
        self.run(*f"ip addr add {self.host}/24 dev eth0".split())
        self.run(*"ip link set eth0 up".split())

    @property
    def launcher(self) -> tuple[str, ...]:
        """The start of a command that is executed there."""
        return ("nsenter", f"--net=/proc/{self._init.pid}/ns/net")

    def run(self, *command: str) -> None:
        """Run a command there."""
        subprocess.run([*self.launcher, *command], check=True)

    def plug(self, *, in_: bool) -> None:
        """Plug its cable in or out."""
        _ip(f"link set {self.name} {'up' if in_ else 'down'}")

    def separate(self, *, from_peers: bool) -> None:
        """Separate it from the other nodes, or no longer."""
        for each in _HOSTS:
            if each != self.host:
                change = "add" if from_peers else "del"
                self.run(*f"ip route {change} blackhole {each}/32".split())

    def stop(self) -> None:
        """End its network, once nothing runs there."""
        self._init.communicate()


@dataclass(slots=True, kw_only=True)
class MachineNode(Node):
    """Node of a cluster, on a machine of its own."""

    machine: Machine
    _check: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def answer_checks(self) -> None:
        """Answer HAProxy's health checks, as the page about scaling says."""
        home = self.server.folder
        (home / ".my.cnf").write_text(f"[client]\nsocket={home}/s\n", "utf-8")
        self._check = subprocess.Popen(
            [
                *self.machine.launcher,
                "socat",
                "TCP-LISTEN:9200,fork,reuseaddr",
                "EXEC:./galera-check",
            ],
            cwd=FILES,
            env={**os.environ, "HOME": str(home)},
        )

    def stop(self) -> None:
        """End everything of it."""
        if self._check is not None:
            self._check.terminate()
            self._check.wait()
        if self.server.process is not None:
            self.server.kill()
        self.machine.stop()


Machines = tuple[MachineNode, MachineNode, MachineNode]


@contextmanager
def running(mariadbd: str, provider: str) -> Iterator[Machines]:
    """Run a cluster of three nodes; at first, their files are the same.

    As root they run as the user `mysql`: rsync gives up root's rights, and
    couldn't write their files.
    """
    with (
        tempfile.TemporaryDirectory(prefix="msrv-galera-") as folder,
        new_network(),
        ExitStack() as stack,
    ):
        own(Path(folder))
        _ip("link add switch type bridge")
        _ip(f"addr add {_STORE} dev switch")
        _ip("link set switch up")
        one, two, three = (
            _node(mariadbd, provider, Path(folder), number, stack)
            for number in (1, 2, 3)
        )
        one.server.install()
        one.server.stop()
        one.start("--wsrep-new-cluster")
        one.server.stop()
        for each in (two, three):
            shutil.copytree(
                one.server.folder / "data", each.server.folder / "data"
            )
            own(each.server.folder)
        one.start("--wsrep-new-cluster")
        two.start()
        three.start()
        for each in (one, two, three):
            each.answer_checks()
        yield one, two, three


@dataclass(frozen=True, slots=True)
class HAProxy:
    """HAProxy in front of the cluster."""

    log: Path
    address: str = "127.0.0.1:3306"

    def failed_nodes(self) -> list[int]:
        """Return the numbers of the nodes that it found down, from 0."""
        text = self.log.read_text("utf-8")
        return [int(each) - 1 for each in _DOWN.findall(text)]


@contextmanager
def running_haproxy(program: str, log: Path) -> Iterator[HAProxy]:
    """Run HAProxy as documented; what it prints is written to a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "-db", "-f", FILES / "haproxy.cfg"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield HAProxy(log)
    finally:
        process.terminate()
        process.wait()


def _node(
    mariadbd: str, provider: str, folder: Path, number: int, stack: ExitStack
) -> MachineNode:
    name, host = f"node{number}", _HOSTS[number - 1]
    machine = Machine(name, host)
    server = MariaDBServer(
        mariadbd, folder / name, _PORT, "32M", USER, host, machine.launcher
    )
    server.folder.mkdir()
    own(server.folder)
    node = MachineNode(
        server,
        node_options(provider, ",".join(_HOSTS), name, host, {}),
        _RULES,
        machine=machine,
    )
    stack.callback(node.stop)
    return node


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)
