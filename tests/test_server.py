"""The server as a process: TLS, sockets, a graceful end, its output."""

import asyncio
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.running import ROOT, RunningStore, start
from tests.sounds import write_wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library with one track that takes a while at a slow reader."""
    write_wav(tmp_path / "library" / "Long" / "Long.wav", seconds=600)
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[RunningStore]:
    """A store on it, over HTTPS."""
    store = start(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_DRAIN_SECONDS="20",
    )
    yield store
    store.end()


Connect = Callable[[RunningStore], http.client.HTTPSConnection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections that stay open until the test ends."""
    with ExitStack() as stack:

        def open_one(store: RunningStore) -> http.client.HTTPSConnection:
            parts = urlsplit(store.url)
            assert parts.hostname
            found = http.client.HTTPSConnection(
                parts.hostname, parts.port, context=store.tls, timeout=20
            )
            stack.callback(found.close)
            return found

        yield open_one


def status(connection: http.client.HTTPSConnection, path: str) -> int:
    """Ask for a path on a connection, and read the whole answer."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def buy_link(store: RunningStore) -> tuple[str, int]:
    """Buy the long track: its link's path, and its size."""
    item = store.ask("/catalog")["releases"][0]["items"][0]
    bought = store.ask("/purchases", [("item", item["item_id"])])
    url = bought["downloads"][item["item_id"]]
    return "/" + url.split("/", 3)[3], item["size_bytes"]


def test_sigterm_lets_a_download_end(
    running: RunningStore, connect: Connect
) -> None:
    """An upgrade cuts off whoever is downloading."""
    link, size = buy_link(running)
    waiting = connect(running)
    assert status(waiting, "/-/ready") == 200
    downloading = connect(running)
    downloading.request("GET", link)
    answer = downloading.getresponse()
    got = len(answer.read(100_000))

    running.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 10
    while True:
        try:
            connect(running).connect()
        except ConnectionRefusedError:
            break
        except OSError:
            pass  # it came while the door was closing
        assert time.monotonic() < until, "it still accepts"
        time.sleep(0.02)
    assert status(waiting, "/-/ready") == 503
    assert running.process.poll() is None
    while chunk := answer.read(1 << 20):
        got += len(chunk)
    assert got == size
    assert running.process.wait(10) == 0


def test_the_drain_has_an_end(folder: Path, connect: Connect) -> None:
    """One buyer who stopped reading keeps the store from ending."""
    store = start(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_DRAIN_SECONDS="1",
    )
    link, _ = buy_link(store)
    downloading = connect(store)
    downloading.request("GET", link)
    downloading.getresponse().read(1000)
    began = time.monotonic()
    assert store.end() == 0
    assert 1 <= time.monotonic() - began < 10


def open_downloads(store: RunningStore) -> float:
    """How many downloads the store says are under way."""
    with urllib.request.urlopen(
        store.url + "/-/metrics", timeout=10, context=store.tls
    ) as answer:
        found = re.search(
            r"^msrv_open_downloads (\S+)$",
            answer.read().decode(),
            re.MULTILINE,
        )
    assert found
    return float(found[1])


@pytest.mark.parametrize("option", ["--tls", "--no-tls"])
def test_who_takes_nothing_is_cut_off_and_who_is_slow_is_not(
    folder: Path, option: str
) -> None:
    """Buyers who lost their line hold places and memory for ever."""
    store = start(
        folder,
        option,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_STALL_SECONDS="1",
    )
    link, size = buy_link(store)
    with ExitStack() as stack:
        slow, stalled = (
            stack.enter_context(small_reader(store, link)) for _ in range(2)
        )
        until = time.monotonic() + 15
        while open_downloads(store) > 1:
            assert time.monotonic() < until, "it waits for ever"
            assert slow.recv(16_384)
            time.sleep(0.2)
        assert read_all(stalled) < size
        assert slow.recv(16_384)
    assert store.end() == 0
    assert "Traceback" not in store.log.read_text("utf-8")


def read_all(connection: socket.socket) -> int:
    """Count what is left until the connection ends."""
    count = 0
    with suppress(ConnectionError):
        while chunk := connection.recv(1 << 20):
            count += len(chunk)
    return count


def small_reader(store: RunningStore, link: str) -> socket.socket:
    """Ask for a link on a connection that holds little unread."""
    parts = urlsplit(store.url)
    assert parts.port
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    plain.settimeout(10)
    plain.connect(("127.0.0.1", parts.port))
    found = plain
    if store.tls:
        found = store.tls.wrap_socket(plain, server_hostname="localhost")
    found.sendall(f"GET {link} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert found.recv(100)
    return found


def test_a_second_signal_ends_at_once(
    running: RunningStore, connect: Connect
) -> None:
    """An operator presses Ctrl-C again, and again."""
    link, _ = buy_link(running)
    downloading = connect(running)
    downloading.request("GET", link)
    downloading.getresponse().read(1000)
    running.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert running.process.poll() is None
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(10) == 0


@pytest.mark.parametrize(
    ("version", "works"),
    [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_versions(
    running: RunningStore, version: ssl.TLSVersion, *, works: bool
) -> None:
    """An old protocol can be forced on a visitor, or a new one is missing."""
    context = running.tls
    assert context
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    port = urlsplit(running.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with context.wrap_socket(
                plain, server_hostname="localhost"
            ) as secure:
                assert works
                assert secure.version() == version.name.replace("v1_", "v1.")
        except ssl.SSLError:
            assert not works


def test_both_loopback_addresses_answer(running: RunningStore) -> None:
    """A browser tries ::1 for localhost first, and waits."""
    port = urlsplit(running.url).port
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, port), timeout=5):
            pass


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
        + b"a" * 9000
        + b"\r\n\r\n",
    ],
    ids=["length", "header", "noise", "long line", "long header"],
)
def test_what_is_not_http_is_refused_in_peace(
    folder: Path, sent: bytes
) -> None:
    """A scanner fills the log with tracebacks, or gets a 500."""
    store = start(folder, "--no-tls", MSRV_LIBRARY=str(folder / "library"))
    port = urlsplit(store.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(sent)
        answer = b""
        while chunk := plain.recv(65536):
            answer += chunk
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert b"X-Content-Type-Options: nosniff" in answer
    assert store.end() == 0
    log = store.log.read_text("utf-8")
    assert "Traceback" not in log
    assert "traceback" not in log


def test_logs_are_json_where_nobody_watches(running: RunningStore) -> None:
    """A log shipper can't read a line."""
    running.ask("/catalog")
    assert running.end() == 0
    lines = [
        json.loads(line)
        for line in running.log.read_text("utf-8").splitlines()
    ]
    asked = [line for line in lines if line.get("route") == "catalog"]
    assert asked
    assert asked[0]["status"] == 200
    assert {"at", "level", "room", "message", "client"} <= set(asked[0])


def test_a_taken_port_is_one_line(running: RunningStore) -> None:
    """An operator reads a traceback."""
    port = str(urlsplit(running.url).port)
    ended = subprocess.run(
        [sys.executable, "-m", "msrv", "serve", "--port", port],
        cwd=ROOT,
        env=running.environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    error = [
        line for line in ended.stderr.splitlines() if not line.startswith("{")
    ]
    assert error == [
        (
            f"Error: MSRV_PORT: {port} is taken on 127.0.0.1; "
            "choose another, for example with --port"
        )
    ]


def test_an_own_certificate_brings_hsts(
    folder: Path, running: RunningStore, connect: Connect
) -> None:
    """A real store is asked for in plain HTTP again."""
    certs = Path(running.environ["MSRV_CERTS"])
    (folder / "own").mkdir()
    store = start(
        folder / "own",
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_CERTS=str(certs),
        MSRV_TLS_CERT=str(certs / "localhost.crt"),
        MSRV_TLS_KEY=str(certs / "localhost.key"),
    )
    connection = connect(store)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert store.end() == 0


def test_no_token_is_ever_logged(
    running: RunningStore, connect: Connect
) -> None:
    """Who reads the log downloads for nothing."""
    item = running.ask("/catalog")["releases"][0]["items"][0]["item_id"]
    bought = running.ask("/purchases", [("item", item)])
    link, _ = buy_link(running)
    receipt = "/" + bought["receipt"].split("/", 3)[3]
    query = urlencode({"q": bought["receipt"], "receipt": bought["receipt"]})
    connection = connect(running)
    for method, path in (
        ("GET", link),
        ("HEAD", link),
        ("GET", link + "x"),
        ("GET", receipt),
        ("DELETE", receipt),
        ("GET", receipt + "x"),
        ("GET", f"/verify?{query}"),
        ("GET", f"/purchases?{query}"),
        ("GET", f"/nowhere{receipt}"),
    ):
        connection.request(
            method, path, headers={"Referer": bought["receipt"]}
        )
        connection.getresponse().read()
    assert running.end() == 0
    log = running.log.read_text("utf-8")
    assert '"route": "purchase"' in log
    assert '"route": "download"' in log
    for secret in (*link.split("/")[2:4], receipt.split("/")[2]):
        assert secret not in log
        assert secret[:40] not in log
    assert running.environ["NONCE"] not in log


@pytest.mark.alone
async def test_reload_takes_up_a_change(tmp_path: Path) -> None:
    """A developer restarts by hand after each edit."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "msrv", copy / "msrv")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "msrv",
        "serve",
        "--reload",
        "--no-tls",
        f"--port={port}",
        cwd=copy,
        env={
            "PATH": os.environ["PATH"],
            "MSRV_DATA": str(tmp_path / "data"),
            "NONCE": "a nonce for reloads: 9Jk2-Lmx7-Rr4T-wP0e-Zz81",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until_page(port, "New here")
        template = copy / "msrv" / "pages" / "templates" / "front.html"
        edit(template, "New here", "Just in")
        await until_page(port, "Just in", seconds=2)
        handler = copy / "msrv" / "pages" / "operations.py"
        edit(handler, "It's easier to ask", "It was easier to ask")
        await until_page(port, "It was easier", path="/-/edge", seconds=4)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


def edit(path: Path, old: str, new: str) -> None:
    """Change a file as an editor does."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


async def until_page(
    port: int, text: str, *, path: str = "/", seconds: float = 20
) -> None:
    """Wait until a page says something; fail if it takes too long."""
    async with asyncio.timeout(seconds):
        while True:
            if text in await asyncio.to_thread(read_page, port, path):
                return
            await asyncio.sleep(0.05)


def read_page(port: int, path: str) -> str:
    """Read a page; empty where nobody answers (yet)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def test_the_start_says_where_and_whom_to_trust(folder: Path) -> None:
    """Who started the store can't find it, or trusts nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = start(folder, f"--port={port}")
    assert store.url == f"https://localhost:{port}"
    assert store.process.stdout
    rest = ""
    while "browsers keep" not in rest:
        rest += store.process.stdout.readline()
    assert re.search(rf"CA +{folder}/certs/ca\.crt", rest)
    assert "update-ca-certificates" in rest
    assert store.end() == 0


def test_a_machine_without_ffmpeg_says_so(folder: Path) -> None:
    """An operator wonders why nothing can be heard."""
    (folder / "bin").mkdir()
    store = start(
        folder,
        "--no-tls",
        MSRV_LIBRARY=str(folder / "library"),
        PATH=str(folder / "bin"),
    )
    release = store.ask("/catalog")["releases"][0]["release"]
    items = store.ask(f"/catalog/{release}")["items"]
    assert [each["preview"] for each in items] == [None]
    assert store.end() == 0
    assert "no previews: " in store.log.read_text("utf-8")
