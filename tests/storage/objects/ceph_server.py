# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""S3 server for the tests: Ceph's, with a monitor and a disk in memory."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

from tests.store_process import free_port

START_SECONDS = 90
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph")
KEY = "an-access-key"
READER_KEY = "a-reading-key"
SECRET = "a-secret-key"
CONFIG = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = v2:127.0.0.1:{mon_port}
public network = 127.0.0.0/8
keyring = {folder}/keyring
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/$name.log
pid file = {folder}/run/$name.pid
mon data = {folder}/mon
mon data avail crit = 1
mon max pg per osd = 1000
mon allow pool size one = true
paxos propose interval = 0.05
paxos min wait = 0.01
osd data = {folder}/osd
osd objectstore = memstore
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
memstore device bytes = 1073741824
client mount timeout = 30
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw run sync thread = false
rgw gc max objs = 1
rgw lc max objs = 1
rgw num control oids = 1
rgw override bucket index max shards = 1
"""


def is_installed() -> bool:
    """Return whether all programs are there."""
    return all(map(shutil.which, PROGRAMS))


@dataclass(slots=True)
class CephServer:
    """Ceph's S3 server, with one user."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def endpoint(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """Variables by which programs of AWS find the server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Create everything, and start it; returns once it responds."""
        for name in ("mon", "osd", "run"):
            (self.folder / name).mkdir(parents=True)
        fsid, mon_port = str(uuid.uuid4()), free_port()
        (self.folder / "ceph.conf").write_text(
            CONFIG.format(
                fsid=fsid,
                folder=self.folder,
                mon_port=mon_port,
                port=self.port,
            ),
            encoding="utf-8",
        )
        keyring, monmap = self.folder / "keyring", self.folder / "monmap"
        for name, *rights in (
            ("mon.", "mon", "allow *"),
            ("client.admin", "mon", "allow *", "osd", "allow *"),
            ("osd.0", "mon", "allow profile osd", "osd", "allow *"),
        ):
            caps = [
                part
                for of, what in zip(rights[::2], rights[1::2], strict=True)
                for part in ("--cap", of, what)
            ]
            new = [] if keyring.exists() else ["--create-keyring"]
            self._run(
                "ceph-authtool", keyring, *new, "--gen-key", "-n", name, *caps
            )
        address = f"[v2:127.0.0.1:{mon_port}]"
        self._run(
            *("monmaptool", "--create", "--fsid", fsid),
            *("--addv", "a", address, monmap),
        )
        mon = ("ceph-mon", "-i", "a")
        self._run(*mon, "--mkfs", "--monmap", monmap, "--keyring", keyring)
        self._run(*mon)
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._run("ceph-osd", "-i", "0")
        self._run(
            *("radosgw-admin", "user", "create", "--uid=store"),
            *("--display-name=store", f"--access-key={KEY}"),
            f"--secret-key={SECRET}",
        )
        self._run("radosgw", "-n", "client.admin")
        self._wait()

    def stop(self) -> None:
        """Kill all of it."""
        for path in (self.folder / "run").glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(path.read_text("ascii")), signal.SIGKILL)

    def create_bucket(self, name: str) -> str:
        """Create an empty bucket, and return its address."""
        url = obstore.sign(
            self.open_bucket(name), "PUT", "", timedelta(minutes=1)
        )
        request = urllib.request.Request(url, method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            return f"s3://{name}"

    def open_bucket(self, name: str) -> S3Store:
        """Return a client of a bucket, which may not exist yet."""
        return S3Store(
            name,
            endpoint=self.endpoint,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def create_reader(self) -> dict[str, str]:
        """Create credentials that may only read; return their settings."""
        self._run(
            *("radosgw-admin", "subuser", "create", "--uid=store"),
            *("--subuser=store:reader", "--access=read", "--key-type=s3"),
            *(f"--access-key={READER_KEY}", f"--secret-key={SECRET}"),
        )
        return self.environ | {"AWS_ACCESS_KEY_ID": READER_KEY}

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.endpoint, timeout=5):
                    return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _run(self, *command: str | Path) -> None:
        subprocess.run(
            [*map(str, command)],
            env=os.environ | {"CEPH_CONF": str(self.folder / "ceph.conf")},
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
        )
