# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx's limits per client."""

import json
import socket
import time
from collections import Counter
from contextlib import ExitStack, closing
from ipaddress import ip_network

import pytest

from tests.containers.buyer import send_raw
from tests.containers.conftest import Stack
from tests.containers.engine import docker, inspect_object, wait_until
from tests.store_process import connect, raised_fd_limit

MAX_OPEN_REQUESTS = 1000


def test_request_headers_are_limited_in_size_and_time(stack: Stack) -> None:
    head = "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    for length, status in ((7000, 200), (9000, 400)):
        request = f"{head}{'x' * length}\r\nConnection: close\r\n\r\n"
        response = send_raw(stack.https_port, request.encode(), stack.tls)
        assert response.startswith(f"HTTP/1.1 {status} ")
    started = time.monotonic()
    assert send_raw(stack.https_port, head.encode(), stack.tls) == ""
    # Idle connections are closed after 75 s, but this one was not idle.
    assert 10 < time.monotonic() - started < 60


def test_too_large_form_is_a_413(stack: Stack) -> None:
    response = stack.buyer.post("/purchases", b"item=" + b"x" * 600_000)
    assert (response.status, response.json["error"]) == (413, "too_large")
    assert stack.buyer.post("/purchases", bytes(700_000)).status == 413


@pytest.mark.usefixtures("reset_limits")
def test_posts_are_rate_limited(stack: Stack) -> None:
    responses = [stack.buyer.post("/cart", b"add=x") for _ in range(90)]
    refused = [each for each in responses if each.status == 429]
    assert len(responses) - len(refused) >= 50
    assert refused
    assert refused[0].json["error"] == "too_fast"
    assert refused[0].headers["retry-after"] == "5"
    page = stack.buyer.request("/cart", method="POST", body=b"")
    while page.status != 429:
        page = stack.buyer.request("/cart", method="POST", body=b"")
    assert b"Too many requests" in page.body
    # GET requests have a limit of their own.
    assert stack.buyer.request("/cart").status == 200


@pytest.mark.usefixtures("reset_limits")
def test_open_requests_are_limited_per_client(stack: Stack) -> None:
    headers = {"Accept": "application/json"}
    with raised_fd_limit(), ExitStack() as resources:
        unfinished: list[socket.socket] = []

        def hold(number: int) -> None:
            for _ in range(number):
                sock = open_unfinished_request(stack)
                unfinished.append(resources.enter_context(closing(sock)))
                if len(unfinished) % 50 == 0:
                    keep_alive(unfinished)

        def is_full() -> bool:
            keep_alive(unfinished)
            return stack.buyer.request("/").status == 429

        hold(MAX_OPEN_REQUESTS - 1)
        assert stack.buyer.request("/", headers).status == 200
        hold(1)
        # Connections of earlier requests may still count for a moment.
        wait_until(is_full, "the limit is reached")
        refused = stack.buyer.request("/", headers)
        assert (refused.status, refused.json["error"]) == (429, "too_fast")
        assert refused.headers["retry-after"] == "5"
    wait_until(stack.buyer.is_ready, "the connections are closed")


def open_unfinished_request(stack: Stack) -> socket.socket:
    """Start a request for a static file, and leave its body unfinished.

    Static files have the largest allowance of concurrent requests.
    """
    sock = connect(stack.https_port, stack.tls)
    sock.sendall(
        b"PUT /static/x HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 10000\r\n\r\n"
    )
    return sock


def keep_alive(unfinished: list[socket.socket]) -> None:
    """Send one more byte of each: nginx waits 15 s for the next.

    A busy machine takes longer than that to open a thousand connections.
    """
    for sock in unfinished:
        sock.sendall(b"x")


def request_concurrently(
    stack: Stack, path: str, number: int, headers: str = ""
) -> Counter[int]:
    """Send requests at the same moment; return the number of each status.

    All connections are open before the first request is sent, so the load of
    the machine has little effect on the rate that nginx sees.
    """
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        "Accept: application/json\r\nConnection: close\r\n\r\n"
    ).encode()
    with raised_fd_limit(), ExitStack() as resources:
        socks = [
            resources.enter_context(
                closing(connect(stack.https_port, stack.tls))
            )
            for _ in range(number)
        ]
        for sock in socks:
            sock.sendall(request)
        return Counter(int(sock.recv(4096).split()[1]) for sock in socks)


@pytest.mark.usefixtures("reset_limits")
@pytest.mark.parametrize(
    ("path", "headers", "burst"),
    [
        ("/", "", 200),
        ("/catalog?q=x", "", 200),
        ("/cart", "", 200),
        ("/verify", "", 50),
        ("/%76erify?token=x", "", 50),
        ("/payments/stripe/return?session_id=cs_live_x", "", 50),
        ("/cart", "Cookie: a=b; __Host-discount=WRONG\r\n", 50),
        ("/cart", "Cookie: discount=WRONG\r\n", 50),
        ("/checkout", "Cookie: discount=WRONG; a=b\r\n", 50),
    ],
)
def test_page_requests_are_rate_limited(
    stack: Stack, path: str, headers: str, burst: int
) -> None:
    """Static files and forms have limits of their own."""
    # The allowance grows by 50 a second; this exceeds it for five seconds.
    found = request_concurrently(stack, path, burst + 250, headers)
    assert found.total() == burst + 250
    assert found.total() - found[429] >= burst
    assert found[429] > 0
    # Static files and forms have limits of their own.
    assert stack.buyer.request("/theme.css").status == 200
    assert stack.buyer.post("/cart", b"add=x").status != 429


@pytest.mark.usefixtures("reset_limits")
def test_covers_of_a_large_catalog_are_not_limited(stack: Stack) -> None:
    found = request_concurrently(stack, "/covers/none/320", 600)
    assert not found[429]


# Runs in a container on the outside network: sends a request from each given
# address, several at once, and prints the number of each status.
_FROM_MANY = """
import collections, fcntl, http.client, json, socket, ssl, struct, sys, time
from concurrent.futures import ThreadPoolExecutor
server, port, addresses, method, path = json.loads(sys.argv[1])
index = socket.if_nametoindex("eth0")
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
    for each in addresses:
        if ":" in each:
            fcntl.ioctl(control, 0x8916, struct.pack(
                "16sIi", socket.inet_pton(socket.AF_INET6, each), 64, index))
def request(address):
    until = time.monotonic() + 20
    while True:
        try:
            plain = socket.create_connection(
                (server, port), 10, (address, 0) if ":" in address else None)
            break
        except OSError:
            # The kernel is still checking whether the address is in use.
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    connection = http.client.HTTPSConnection("localhost")
    connection.sock = context.wrap_socket(plain, server_hostname="localhost")
    connection.request(method, path, "remove=x" if method == "POST" else None,
        {"Content-Type": "application/x-www-form-urlencoded",
         "Accept": "application/json", "Connection": "close"})
    status = connection.getresponse().status
    connection.close()
    return status
with ThreadPoolExecutor(16) as pool:
    print(json.dumps(collections.Counter(pool.map(request, addresses))))
"""


def request_from_many(
    stack: Stack, method: str, path: str, number: int
) -> tuple[Counter[str], Counter[str]]:
    """Request from each of many addresses of one /64, then once by IPv4."""
    (nginx,) = stack.project.containers("nginx")
    networks = inspect_object(nginx)["NetworkSettings"]["Networks"]
    (name,) = [each for each in networks if each.endswith("_outside")]
    server = networks[name]["GlobalIPv6Address"]
    prefix = ip_network(f"{server}/64", strict=False)
    # Half of them have zeros between prefix and suffix, the others none.
    addresses = [
        str(prefix[(0x1234 << 48 if each % 2 else 0) + 0xF000 + each])
        for each in range(number)
    ]
    output = []
    for to, which in (
        (server, addresses),
        (networks[name]["IPAddress"], ["by IPv4"]),
    ):
        arguments = json.dumps([to, 8443, which, method, path])
        output.append(
            docker(
                "run", "--rm", f"--network={name}", "--user=0",
                "--cap-add=NET_ADMIN", "--entrypoint=python",
                "--sysctl=net.ipv6.conf.default.accept_dad=0",
                stack.project.environ["MSRV_IMAGE"], "-W", "ignore", "-c",
                _FROM_MANY, arguments,
            )
        )  # fmt: skip
    v6, v4 = (Counter(json.loads(each.splitlines()[-1])) for each in output)
    return v6, v4


@pytest.mark.usefixtures("reset_limits")
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/cart"), ("GET", "/redeem")]
)
def test_ipv6_network_is_one_client(
    stack: Stack, method: str, path: str
) -> None:
    # Five a second are allowed after the first 50: this is too many even if
    # they take half a minute.
    by_v6, by_v4 = request_from_many(stack, method, path, 240)
    assert by_v6.total() == 240
    assert by_v6["429"] > 0
    assert by_v6.total() - by_v6["429"] >= 50
    assert by_v4.total() == 1
    assert not by_v4["429"]
    # The log has full addresses, since the engine's network keeps them.
    logged = [
        json.loads(line)["client"]
        for line in stack.project.logs("nginx")
        if line.startswith("{")
    ]
    assert len({each for each in logged if ":" in each}) >= 240
