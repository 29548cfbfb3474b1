# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Servers that the store is compared with: starting and stopping them.

Each serves the same folder with the same certificate. Those that are not
installed are left out, and named.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from bench.files import TINY, ZIP
from bench.measuring import NONCE
from bench.processes import tree
from msrv.tls.certificate_files import CertificateFiles
from msrv.tls.development_certificate import load_or_create
from tests.store_process import free_port

ROOT: Final = Path(__file__).parents[1]
BENCH_PYTHON: Final = ROOT / ".venv-bench" / "bin" / "python"
BENCH_PACKAGES: Final = list(
    (ROOT / ".venv-bench" / "lib").glob("python*/site-packages")
)

STOP_SECONDS: Final = 5

_NGINX: Final = Path(__file__).with_name("nginx.conf")
_STARLETTE = """
import os
from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route
def hello(request):
    return PlainTextResponse("hello")
async def file(request):
    return FileResponse(os.path.join({files!r}, request.path_params["name"]))
app = Starlette(routes=[Route("/", hello), Route("/{{name:path}}", file)])
"""
_FLASK = """
from bench.fifty_rows import PAGE, TITLE, rows
from flask import Flask, render_template
app = Flask(__name__)
page = app.jinja_env.from_string(PAGE)
@app.get("/page")
def show():
    return render_template(page, title=TITLE, rows=rows())
"""


@dataclass(slots=True)
class Peer:
    """Running server. `paths` are the paths of files, where not the same."""

    name: str
    port: int
    tls: bool
    process: "subprocess.Popen[bytes]" = field(repr=False)
    paths: dict[str, str] = field(default_factory=dict)

    def path(self, file: str) -> str:
        """Return the path of a file."""
        return self.paths.get(file, f"/{file}")

    def request_json(
        self, path: str, form: list[tuple[str, str]] | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Request JSON: GET, or POST if there is a form."""
        scheme = "https" if self.tls else "http"
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{scheme}://localhost:{self.port}{path}",
            data=urllib.parse.urlencode(form).encode() if form else None,
            headers={"Accept": "application/json"},
        )
        with urllib.request.urlopen(  # noqa: S310 - our own server
            request,
            timeout=20,
            context=ssl._create_unverified_context(),  # noqa: S323, SLF001 - our own server
        ) as answer:
            return json.load(answer)


@dataclass(frozen=True, slots=True)
class Stage:
    """Files and certificate that all peers are given."""

    folder: Path
    files: Path
    certificate: CertificateFiles

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Create the certificate in a folder; the files are written later."""
        return cls(folder, folder / "library", certificate_in(folder))

    @contextmanager
    def start(
        self, name: str, *, tls: bool = True, buys: bool = True
    ) -> Iterator[Peer]:
        """Start a peer, and stop it at the end of the block.

        With `buys`, the paths of a store's files are those of links.
        """
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            # The ASGI app, and zipstream-ng for aiohttp.
            "PYTHONPATH": os.pathsep.join(
                map(str, (self.folder, *BENCH_PACKAGES))
            ),
        }
        command = getattr(self, f"_{name}")(port, tls=tls)
        if name.startswith("msrv"):
            environ |= self._settings(name, port, tls=tls)
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / f"{name}.log").open("wb"),
        ) as process:
            try:
                wait_for_port(port)
                peer = Peer(name, port, tls, process)
                if name == "stock":
                    peer.paths = {ZIP: "/album.zip"}
                if name == "nginx":
                    peer.paths = {TINY: secure_link_path(TINY)}
                if name.startswith("msrv"):
                    releases = wait_for_releases(peer)
                    peer.paths = buy_all(peer, releases) if buys else {}
                yield peer
            finally:
                stop(process)

    def _msrv(self, port: int, *, tls: bool) -> list[str]:
        assert port or tls  # noqa: S101 - set in the environment
        return [sys.executable, "-m", "msrv", "serve"]

    def _msrv_uvloop(self, port: int, *, tls: bool) -> list[str]:
        # In a folder that is not taken for the package of that name.
        folder = self.folder / "loops" / "uvloop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(
            "import uvloop\nuvloop.install()\n", encoding="utf-8"
        )
        return self._msrv(port, tls=tls)

    def _settings(self, name: str, port: int, *, tls: bool) -> dict[str, str]:
        return {
            "NONCE": NONCE,
            "MSRV_LIBRARY": str(self.files),
            "MSRV_DATA": str(self.folder / f"data of {name}"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_HOST": "127.0.0.1",
            "MSRV_PORT": str(port),
            "MSRV_DRAIN_SECONDS": "0",
            "PYTHONPATH": str(self.folder / "loops" / name.partition("_")[2]),
            "MSRV_MAX_DOWNLOADS": "10000",
            "MSRV_MAX_DOWNLOADS_PER_CLIENT": "10000",
        } | (
            {
                "MSRV_TLS_CERT": str(self.certificate.cert),
                "MSRV_TLS_KEY": str(self.certificate.key),
            }
            if tls
            else {"MSRV_TLS": "off"}
        )

    def _nginx(self, port: int, *, tls: bool) -> list[str]:
        config = self.folder / f"nginx-{port}.conf"
        config.write_text(
            _NGINX.read_text("utf-8").format(
                folder=self.folder,
                port=port,
                tls="ssl" if tls else "",
                cert=self.certificate.cert,
                key=self.certificate.key,
                files=self.files,
            ),
            encoding="utf-8",
        )
        return [nginx() or "nginx", "-c", str(config)]

    def _stock(self, port: int, *, tls: bool) -> list[str]:
        certificate = (
            [str(self.certificate.cert), str(self.certificate.key)]
            if tls
            else ["", ""]
        )
        command = [sys.executable, "-m", "bench.stock", str(self.files)]
        return [*command, str(port), *certificate]

    def _uvicorn(self, port: int, *, tls: bool) -> list[str]:
        self._write_app()
        command = [str(BENCH_PYTHON), "-m", "uvicorn", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "error"]
        if tls:
            command += ["--ssl-certfile", str(self.certificate.cert)]
            command += ["--ssl-keyfile", str(self.certificate.key)]
        return [*command, "bench_app:app"]

    def _granian(self, port: int, *, tls: bool) -> list[str]:
        self._write_app()
        command = [str(BENCH_PYTHON), "-m", "granian", "--port", str(port)]
        command += ["--interface", "asgi", "--log-level", "error"]
        if tls:
            command += ["--ssl-certificate", str(self.certificate.cert)]
            command += ["--ssl-keyfile", str(self.certificate.key)]
        return [*command, "bench_app:app"]

    def _flask(self, port: int, *, tls: bool) -> list[str]:
        assert not tls  # noqa: S101 - nothing asks for it
        (self.folder / "bench_flask.py").write_text(_FLASK, encoding="utf-8")
        # As many clients stay connected as ask for pages.
        command = [str(BENCH_PYTHON), "-m", "gunicorn", "--threads", "32"]
        command += ["--bind", f"127.0.0.1:{port}", "--log-level", "error"]
        return [*command, "bench_flask:app"]

    def _write_app(self) -> None:
        (self.folder / "bench_app.py").write_text(
            _STARLETTE.format(files=str(self.files)), encoding="utf-8"
        )


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop a peer: SIGTERM, and after STOP_SECONDS SIGKILL.

    A graceful shutdown may take minutes: aiohttp's waits for up to a minute
    for downloads whose clients have disconnected.
    """
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in [*tree(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def available() -> list[str]:
    """Return the peers that are installed; print those that are not."""
    found = {
        "nginx": nginx() is not None,
        "msrv": True,
        "msrv_uvloop": find_spec("uvloop") is not None,
        "stock": True,
        "uvicorn": has("uvicorn") and has("starlette"),
        "granian": has("granian") and has("starlette"),
    }
    for name, is_here in found.items():
        if not is_here:
            print(f"  {name} is not installed: left out")
    return [name for name in found if found[name]]


def certificate_in(folder: Path) -> CertificateFiles:
    """Return one certificate for all peers."""
    return load_or_create(folder / "certs", datetime.now(UTC))


def nginx() -> str | None:
    """Return the path of nginx; Debian installs it in /usr/sbin."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def has(module: str) -> bool:
    """Return whether the peers' environment has a module."""
    return (
        BENCH_PYTHON.exists()
        and subprocess.run(
            [str(BENCH_PYTHON), "-c", f"import {module}"],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )


def secure_link_path(file: str) -> str:
    """Return a path that nginx's `secure_link` accepts."""
    signed = f"4000000000/paid/{file} secret".encode()
    digest = hashlib.md5(signed, usedforsecurity=False).digest()
    tag = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"/paid/{file}?md5={tag}&expires=4000000000"


def wait_for_releases(store: Peer) -> list[dict[str, Any]]:
    """Return the releases of a store, once it has read its library."""
    until = time.monotonic() + 300
    while True:
        try:
            store.request_json("/-/ready")  # 503 before it has read all
            found: list[dict[str, Any]] = store.request_json("/catalog")[
                "releases"
            ]
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return found


def buy_all(store: Peer, releases: list[dict[str, Any]]) -> dict[str, str]:
    """Buy all items of a store; return the path of each file's link."""
    paths = {}
    for release in releases:
        wanted = {
            f"{release['title']}/{item['title']}.bin": item["item_id"]
            for item in release["items"]
        }
        wanted[f"{release['title']}.zip"] = release["item_id"]
        bought = store.request_json(
            "/purchases", [("item", each) for each in wanted.values() if each]
        )
        for name, item_id in wanted.items():
            if item_id:
                url = bought["downloads"][item_id]
                paths[name] = urllib.parse.urlsplit(url).path
    return paths


def wait_for_port(port: int) -> None:
    """Wait until a port accepts connections."""
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
