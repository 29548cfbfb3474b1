# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Small disks that a test fills, and an engine that lives on one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.containers.deployer.engine_programs import finish, until_up

PART = 1 << 16


@contextmanager
def small_disk(path: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a file system of that size; needs root."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "disk", path],
        check=True,
    )
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def resize(path: Path, size_bytes: int) -> None:
    """Change the size of a small disk."""
    subprocess.run(
        ["mount", "-o", f"remount,size={size_bytes}", path], check=True
    )


def lack() -> str | None:
    """Return why no file system can be mounted, or None."""
    if os.geteuid() != 0:
        return "only root can mount a file system"
    if shutil.which("ip") is None:
        return "no ip is here, to make a bridge"
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "disk", "/mnt"],
        capture_output=True,
        check=False,
    )
    return "no file system can be mounted" if done.returncode else None


def fill(disk: Path, *, leave_bytes: int = 0) -> Path:
    """Fill a disk, except for so much; the file that was written."""
    path = disk / "filler"
    with path.open("ab") as file:
        while True:
            room = os.statvfs(disk)
            free_bytes = room.f_bavail * room.f_frsize - leave_bytes
            if free_bytes <= 0:
                return path
            file.write(b"\0" * min(free_bytes, PART))
            file.flush()


@contextmanager
def engine_on(disk: Path, program: Path) -> Iterator[str]:
    """Run a container engine that keeps its data on a disk; yield its URL.

    It has a bridge of its own: an engine without one would remove the bridge
    of the engine beside it. Its containers have no network.
    """
    with (
        # The path of a Unix socket has 104 characters at most, and the
        # engine's own sockets lie deep in this folder.
        tempfile.TemporaryDirectory(
            prefix="engine-", ignore_cleanup_errors=True
        ) as short,
        _bridge(f"msrv{os.getpid()}") as bridge,
        (Path(short) / "log").open("ab") as file,
    ):
        folder = Path(short)
        socket, log = folder / "engine.sock", folder / "log"
        process = subprocess.Popen(
            [
                program,
                f"--data-root={disk}/data",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/pid",
                f"--host=unix://{socket}",
                f"--bridge={bridge}",
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
                "--ip-masq=false",
            ],
            # Its helper programs are in the same folder.
            env={
                **os.environ,
                "PATH": f"{program.parent}:{os.environ['PATH']}",
            },
            stdout=file,
            stderr=file,
        )
        url = f"unix://{socket}"
        try:
            until_up(process, log, lambda: _answers(url))
            yield url
        finally:
            finish(process)


@contextmanager
def _bridge(name: str) -> Iterator[str]:
    """Create a bridge that leads nowhere."""
    _ip("link", "add", name, "type", "bridge")
    try:
        # (Virtual machines may have their gateway in 192.0.2.0/24.)
        _ip("address", "add", "198.51.100.1/24", "dev", name)
        yield name
    finally:
        _ip("link", "delete", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _answers(url: str) -> bool:
    return not subprocess.run(
        ["docker", "--host", url, "version"],
        capture_output=True,
        check=False,
        timeout=120,
    ).returncode
