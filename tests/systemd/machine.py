# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Machine with systemd as its first process, in namespaces of this one."""

import ctypes
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.containers.buyer import TIMEOUT_SECONDS, Buyer
from tests.containers.engine import wait_until

SYSTEMD: Final = Path("/lib/systemd/systemd")
STEP_SECONDS: Final = 300
_BOOT: Final = Path(__file__).with_name("boot.sh")
_UNSHARE: Final = (
    "unshare", "--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc",
    "--net", "--propagation", "private",
)  # fmt: skip
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NETWORK: Final = 0x40000000
"""CLONE_NEWNET, linux/sched.h."""


def missing_requirement() -> str | None:
    """Return what is missing to boot a machine; None if nothing is."""
    if not SYSTEMD.exists():
        return f"no {SYSTEMD}"
    if shutil.which("dbus-daemon") is None:
        return "no dbus-daemon, which systemd-run needs"
    if _cgroup_mount() is None:
        return "no cgroup2 is mounted"
    tried = subprocess.run(
        [*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )
    return tried.stderr.strip() or None


@dataclass(slots=True)
class Machine:
    """Running machine; its file system is a copy of this one's, in memory."""

    process: "subprocess.Popen[bytes]"
    cgroup: Path
    init: int = 0
    """Process id, seen from here, of its first process."""

    def run(
        self, *command: str, check: bool = True, text: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command on the machine, as root, with `text` as its input."""
        root = f"/proc/{self.init}/root"
        result = subprocess.run(
            [
                "nsenter", f"--target={self.init}", "--mount", "--uts",
                "--ipc", "--net", "--pid", "--cgroup",
                f"--root={root}", f"--wd={root}",
                "env", "-i", f"PATH={_PATH}", *command,
            ],
            cwd="/",
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )  # fmt: skip
        assert result.returncode == 0 or not check, result.stdout
        return result

    def sh(self, typed: str) -> str:
        """Run lines of shell on the machine; return their output."""
        return self.run("bash", "-euc", typed).stdout

    def write(self, path: str, text: str) -> None:
        """Write a file on the machine."""
        self.run("tee", path, text=text)

    def property(self, name: str, unit: str = "msrv.service") -> str:
        """Return a property of a unit, as systemd reports it."""
        return self.run(
            "systemctl", "show", "--value", f"--property={name}", unit
        ).stdout.strip()

    def journal(self, unit: str = "msrv.service") -> str:
        """Return all that a unit has logged."""
        return self.run(
            "journalctl", "--no-pager", "--output=cat", f"--unit={unit}"
        ).stdout

    def connect(self, port: int) -> socket.socket:
        """Connect to a port of the machine's loopback address.

        A socket stays in the network that it was created in; only the thread
        that creates it enters that network.
        """
        return _in_network(
            self.init,
            lambda: socket.create_connection(
                ("127.0.0.1", port), TIMEOUT_SECONDS
            ),
        )

    def stop(self) -> None:
        """End all of the machine's processes."""
        if self.init:
            os.kill(self.init, signal.SIGKILL)
        self.process.kill()
        self.process.wait(STEP_SECONDS)
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            wait_until(partial(_remove, folder), f"{folder} is removed")


def boot(folder: Path) -> Machine:
    """Boot a machine; `folder` has what boot.sh describes."""
    log = folder / "boot.log"
    mount = _cgroup_mount()
    assert mount
    cgroup = mount / f"msrv-test-{uuid.uuid4().hex[:8]}"
    cgroup.mkdir()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*_UNSHARE, _BOOT, folder, cgroup],
            env={
                **os.environ,
                "PYTHON": os.path.realpath(sys.executable),
                "VENV_PYTHON": sys.executable,
                "PACKAGES": sysconfig.get_path("purelib"),
            },
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def is_up() -> bool:
        assert process.poll() is None, log.read_text("utf-8")
        found = children.read_text("ascii").split()
        if not found:
            return False
        machine.init = int(found[0])
        # Before that it is boot.sh, which still sees this machine's files.
        if Path(f"/proc/{machine.init}/exe").readlink().name != SYSTEMD.name:
            return False
        return not machine.run(
            "systemctl", "is-active", "basic.target", check=False
        ).returncode

    machine = Machine(process, cgroup)
    try:
        wait_until(is_up, "the machine boots", STEP_SECONDS)
    except BaseException:
        machine.stop()
        raise
    return machine


def _cgroup_mount() -> Path | None:
    """Return where cgroups of version 2 are mounted."""
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        _, path, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(path)
    return None


def _remove(cgroup: str) -> bool:
    """Remove a cgroup; return False while a process is in it."""
    try:
        Path(cgroup).rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class MachineBuyer(Buyer):
    """Buyer on the machine, at a port of its loopback address."""

    machine: Machine | None = None

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection from the machine to itself."""
        assert self.machine
        connection = Buyer.connect(self)
        plain = self.machine.connect(self.port)
        connection.sock = (
            self.tls.wrap_socket(plain, server_hostname=self.host)
            if self.tls
            else plain
        )
        return connection


def _in_network(
    process: int, create: Callable[[], socket.socket]
) -> socket.socket:
    """Call `create` in the network of a process; return its socket."""
    made: list[socket.socket | Exception] = []

    def enter_and_create() -> None:
        try:
            with Path(f"/proc/{process}/ns/net").open("rb") as network:
                if ctypes.CDLL(None, use_errno=True).setns(
                    network.fileno(), _NETWORK
                ):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(create())
        except Exception as error:  # noqa: BLE001 - raised by the caller
            made.append(error)

    thread = threading.Thread(target=enter_and_create)
    thread.start()
    thread.join()
    (found,) = made
    if isinstance(found, Exception):
        raise found
    return found
