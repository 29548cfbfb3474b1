# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pebble, Let's Encrypt's test server, on free ports of loopback."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import trustme

from tests.store_process import free_port

START_SECONDS = 60
EAB_KID = "kid-1"
EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def find() -> str | None:
    """Return the path of pebble, if it and its DNS server are installed."""
    if shutil.which("pebble-challtestsrv") is None:
        return None
    return shutil.which("pebble")


@dataclass(slots=True)
class Pebble:
    """ACME server that validates on two ports of loopback.

    Its DNS server resolves every name to 127.0.0.1. It forgets everything
    when it is stopped. Faults are switched on by `environ`.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    external_accounts: bool = False
    blocked: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    management_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    dns_port: int = field(default_factory=free_port)
    _processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def directory(self) -> str:
        """URL of the ACME directory."""
        return f"https://localhost:{self.port}/dir"

    @property
    def ca(self) -> Path:
        """The authority of pebble's own HTTPS."""
        return self.folder / "ca.pem"

    @property
    def log(self) -> Path:
        """Pebble's output."""
        return self.folder / "pebble.log"

    def start(self) -> Self:
        """Start pebble and its DNS server, and wait until it answers."""
        self.write_files()
        for command in self.commands():
            self._run(*command)
        until = time.monotonic() + START_SECONDS
        while True:
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return self
            assert time.monotonic() < until, self.log.read_text("utf-8")
            assert all(each.poll() is None for each in self._processes)
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop both processes."""
        for process in self._processes:
            process.terminate()
            process.wait(START_SECONDS)
        self._processes.clear()

    def trust(self) -> ssl.SSLContext:
        """Return a context that trusts pebble's certificates alone."""
        url = f"https://localhost:{self.management_port}/roots/0"
        own = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(url, timeout=30, context=own) as response:
            return ssl.create_default_context(cadata=response.read().decode())

    def commands(self) -> list[tuple[str, ...]]:
        """Return the commands that run its DNS server and pebble itself."""
        return [
            (
                "pebble-challtestsrv",
                f"-dns01=127.0.0.1:{self.dns_port}",
                "-http01=",
                "-https01=",
                "-tlsalpn01=",
                f"-management=127.0.0.1:{free_port()}",
                "-defaultIPv4=127.0.0.1",
                "-defaultIPv6=",
            ),
            (
                "pebble",
                f"-config={self.folder / 'config.json'}",
                f"-dnsserver=127.0.0.1:{self.dns_port}",
                "-strict",
            ),
        ]

    def write_files(self) -> None:
        """Write its configuration and certificates, unless they exist."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.ca.exists():
            return
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        issued = authority.issue_cert("localhost", "127.0.0.1")
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management_port}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "externalAccountBindingRequired": self.external_accounts,
            "externalAccountMACKeys": {EAB_KID: EAB_KEY},
            "domainBlocklist": list(self.blocked),
        }
        (self.folder / "config.json").write_text(
            json.dumps({"pebble": config}), encoding="utf-8"
        )

    def _run(self, *command: str) -> None:
        with self.log.open("ab") as output:
            self._processes.append(
                subprocess.Popen(
                    command,
                    env={
                        "PATH": os.environ["PATH"],
                        "PEBBLE_VA_NOSLEEP": "1",
                        **self.environ,
                    },
                    stdout=output,
                    stderr=output,
                )
            )
