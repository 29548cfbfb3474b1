# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""PostgreSQL server for the tests, on a socket and a port of its own."""

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import trustme

from tests.store_process import free_port

START_SECONDS = 60
USER = "msrv"
PASSWORD = "p@ss/word"
_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""


def find() -> Path | None:
    """Return the folder of the server's programs, None without them."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return folders[-1].parent if folders else None


@dataclass(slots=True)
class PostgreSQLServer:
    """PostgreSQL in a folder; it can be killed and started again.

    It refuses to run as root, and pytest's folders can only be read by their
    owner: as root, both are of the user `postgres`.
    """

    programs: Path
    folder: Path
    port: int = field(default_factory=free_port)
    buffers: str = "16MB"
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    _unused: list[str] = field(default_factory=list)
    _names: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        """Return the URL of one of its databases."""
        password = PASSWORD.replace("@", "%40").replace("/", "%2F")
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        """Create an empty database, and return its URL."""
        asyncio.run(self._run(f"CREATE DATABASE {name}"))
        return self.url(name)

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[str]:
        """Lend the URL of an empty database, and empty it afterwards.

        That takes a tenth of the time that a new one takes.
        """
        if self._unused:
            name = self._unused.pop()
        else:
            name = f"lent_{next(self._names)}"
            self.create(name)
        yield self.url(name)
        asyncio.run(self._run(_EMPTY, name))
        self._unused.append(name)

    def install(self) -> None:
        """Create its files, and start it.

        Its texts are compared as in English, which the ledger's aren't.
        """
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        self.own(self.folder)
        self.own(password)
        subprocess.run(
            [
                self.programs / "initdb",
                f"--pgdata={self.folder / 'data'}",
                f"--username={USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--locale-provider=icu",
                "--icu-locale=en-US",
                "--no-sync",
                "--no-instructions",
            ],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
            cwd="/",
            **self._user(),
        )
        self.start()

    def standby(self) -> "PostgreSQLServer":
        """Start a standby, which follows this server."""
        copy = PostgreSQLServer(self.programs, self.folder / "standby")
        copy.folder.mkdir()
        self.own(copy.folder)
        source = self.url("postgres")
        subprocess.run(
            [
                self.programs / "pg_basebackup",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
                f"--pgdata={copy.folder / 'data'}",
                f"--dbname={source}",
            ],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
            cwd="/",
            **self._user(),
        )
        copy.start()
        return copy

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        settings = (
            f"unix_socket_directories={self.folder}",
            "listen_addresses=127.0.0.1",
            "fsync=off",
            "full_page_writes=off",
            f"shared_buffers={self.buffers}",
            "max_wal_size=64MB",
            "autovacuum=off",
            *options,
        )
        command = [
            str(self.programs / "postgres"),
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            *(part for each in settings for part in ("-c", each)),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
                **self._user(),
            )
        asyncio.run(self._wait())

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to each of its processes."""
        assert self.process is not None
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        for each in (parent, *map(int, children.split())):
            os.kill(each, signal_number)

    def kill(self) -> None:
        """Stop it with SIGQUIT, which leaves its files as a power cut does."""
        self._terminate(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop it properly, without waiting for its clients."""
        self._terminate(signal.SIGINT)

    def _terminate(self, by: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(START_SECONDS)
            self.process = None

    async def _wait(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    await self._run("SELECT 1")
                except (OSError, asyncpg.CannotConnectNowError):
                    assert self.process is not None
                    assert self.process.poll() is None, self._log()
                    await asyncio.sleep(0.02)
                else:
                    return

    async def _run(self, statement: str, name: str = "postgres") -> None:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            database=name,
            ssl=False,
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-3000:]

    @staticmethod
    def _user() -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        return {"user": "postgres", "group": "postgres", "extra_groups": []}

    @staticmethod
    def own(path: Path) -> None:
        """Give a file to the server's user."""
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)


@contextlib.contextmanager
def running(
    programs: Path, buffers: str = "16MB"
) -> Iterator[PostgreSQLServer]:
    """Run PostgreSQL in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="msrv-postgresql-") as folder:
        server = PostgreSQLServer(programs, Path(folder), buffers=buffers)
        server.install()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def running_with_tls(
    programs: Path,
) -> Iterator[tuple[PostgreSQLServer, Path]]:
    """Run PostgreSQL that offers TLS, as `localhost`; with its authority."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    with running(programs) as server:
        server.stop()
        ca, key, certificate = (
            server.folder / name for name in ("ca.pem", "key.pem", "cert.pem")
        )
        authority.cert_pem.write_to_path(ca)
        leaf.private_key_pem.write_to_path(key)
        leaf.cert_chain_pems[0].write_to_path(certificate)
        key.chmod(0o600)
        server.own(key)
        server.start(
            "ssl=on", f"ssl_cert_file={certificate}", f"ssl_key_file={key}"
        )
        yield server, ca
