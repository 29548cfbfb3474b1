# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MariaDB server for the tests, on a socket and a port of its own."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.store_process import free_port

START_SECONDS = 60
USER = "msrv"
PASSWORD = "p@ss/word"


def find() -> str | None:
    """Return the path of the server's program, None if it isn't installed."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return shutil.which("mariadbd", path=path) or shutil.which(
        "mysqld", path=path
    )


@dataclass(slots=True)
class MariaDBServer:
    """MariaDB in a folder; it can be killed and started again."""

    program: str
    folder: Path
    port: int = field(default_factory=free_port)
    pool: str = "64M"
    user: str = ""  # whoever runs the tests
    host: str = "127.0.0.1"
    launcher: tuple[str, ...] = ()  # a command that executes the server's
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def url(self, name: str) -> str:
        """Return the URL of one of its databases."""
        password = PASSWORD.replace("@", "%40").replace("/", "%2F")
        return f"mysql://{USER}:{password}@{self.host}:{self.port}/{name}"

    def create(self, name: str) -> str:
        """Create an empty database, and return its URL."""
        asyncio.run(_run(self.url("mysql"), f"CREATE DATABASE {name}"))
        return self.url(name)

    def install(self) -> None:
        """Create its system tables, and the tests' user, and start it."""
        data = self.folder / "data"
        data.mkdir(parents=True)
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *self._user(),
            ],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
        )
        setup = self.folder / "setup.sql"
        setup.write_text(
            f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%';\n",
            encoding="utf-8",
        )
        self.start(f"--init-file={setup}")

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        command = [
            *self.launcher,
            self.program,
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 's'}",
            f"--port={self.port}",
            f"--bind-address={self.host}",
            "--skip-name-resolve",
            f"--innodb-buffer-pool-size={self.pool}",
            f"--innodb-log-file-size={self.pool}",
            "--performance-schema=OFF",
            *self._user(),
            *options,
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, self._log()
            assert time.monotonic() < until, self._log()
            time.sleep(0.02)

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to the server."""
        assert self.process is not None
        self.process.send_signal(signal_number)

    def kill(self) -> None:
        """Stop it with SIGKILL, as a power cut does."""
        self._terminate(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it properly."""
        self._terminate(signal.SIGTERM)

    def _terminate(self, by: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(START_SECONDS)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(
                (self.host, self.port), timeout=2
            ) as connection:
                connection.settimeout(2)
                return bool(connection.recv(1))  # its greeting
        except OSError:
            return False

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-3000:]

    def _user(self) -> list[str]:
        if os.getuid() != 0:
            return []
        return [f"--user={self.user or pwd.getpwuid(0).pw_name}"]


@dataclass(frozen=True)
class SecureServer:
    """MariaDB with a certificate, and its authority."""

    server: MariaDBServer
    ca: Path


@contextlib.contextmanager
def running_with_tls(program: str, folder: Path) -> Iterator[SecureServer]:
    """Run MariaDB that offers TLS, as `localhost`."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    server = MariaDBServer(program, folder)
    server.install()
    server.stop()
    server.start(
        f"--ssl-cert={folder / 'cert.pem'}", f"--ssl-key={folder / 'key.pem'}"
    )
    yield SecureServer(server, folder / "ca.pem")
    server.stop()


async def _run(url: str, statement: str) -> None:
    engine = create_async_engine(
        make_url(url).set(drivername="mysql+aiomysql")
    )
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
