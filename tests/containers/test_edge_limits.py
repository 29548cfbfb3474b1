"""What nginx lets one address have."""

import json
import socket
import time
from collections import Counter
from contextlib import ExitStack, closing
from ipaddress import ip_network

import pytest

from tests.containers.buyer import raw
from tests.containers.conftest import Stack
from tests.containers.engine import docker, inspected, until
from tests.store_process import connect, raised_fd_limit

MOST = 1000


def test_a_header_has_its_length_and_its_time(stack: Stack) -> None:
    """Memory, and every connection, is held by who never ends a request."""
    head = "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    for length, status in ((7000, 200), (9000, 400)):
        asked = f"{head}{'x' * length}\r\nConnection: close\r\n\r\n"
        answer = raw(stack.https_port, asked.encode(), stack.tls)
        assert answer.startswith(f"HTTP/1.1 {status} ")
    began = time.monotonic()
    assert raw(stack.https_port, head.encode(), stack.tls) == ""
    # Idle connections are closed after 75 s; this one was not idle.
    assert 10 < time.monotonic() - began < 60


def test_a_form_that_is_too_long_is_told_so(stack: Stack) -> None:
    """Memory fills with what a stranger sends, or a buyer sees no reason."""
    answer = stack.buyer.post("/purchases", b"item=" + b"x" * 600_000)
    assert (answer.status, answer.json["error"]) == (413, "too_large")
    assert stack.buyer.post("/purchases", bytes(700_000)).status == 413


@pytest.mark.usefixtures("quiet")
def test_who_sends_form_after_form_has_to_wait(stack: Stack) -> None:
    """One program keeps every other buyer from paying."""
    answers = [stack.buyer.post("/cart", b"add=x") for _ in range(90)]
    refused = [each for each in answers if each.status == 429]
    assert len(answers) - len(refused) >= 50
    assert refused
    assert refused[0].json["error"] == "too_fast"
    assert refused[0].headers["retry-after"] == "5"
    page = stack.buyer.ask("/cart", method="POST", body=b"")
    while page.status != 429:
        page = stack.buyer.ask("/cart", method="POST", body=b"")
    assert b"Too many requests" in page.body
    # Who only looks is counted apart.
    assert stack.buyer.ask("/cart").status == 200


@pytest.mark.usefixtures("quiet")
def test_one_address_holds_so_much_and_no_more(stack: Stack) -> None:
    """One machine takes every connection, and the store is gone."""
    asked = {"Accept": "application/json"}
    with raised_fd_limit(), ExitStack() as held:
        unfinished: list[socket.socket] = []

        def hold(number: int) -> None:
            for _ in range(number):
                sock = begin(stack)
                unfinished.append(held.enter_context(closing(sock)))
                if len(unfinished) % 50 == 0:
                    keep_alive(unfinished)

        def is_full() -> bool:
            keep_alive(unfinished)
            return stack.buyer.ask("/").status == 429

        hold(MOST - 1)
        assert stack.buyer.ask("/", asked).status == 200
        hold(1)
        # It is asked behind whoever was the last to hold one.
        until(is_full, "it is full")
        refused = stack.buyer.ask("/", asked)
        assert (refused.status, refused.json["error"]) == (429, "too_fast")
        assert refused.headers["retry-after"] == "5"
    until(stack.buyer.is_ready, "they have gone")


def begin(stack: Stack) -> socket.socket:
    """Ask for something, and never say all of it.

    For a file of a page's, of which most may be asked for at once.
    """
    sock = connect(stack.https_port, stack.tls)
    sock.sendall(
        b"PUT /static/x HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 10000\r\n\r\n"
    )
    return sock


def keep_alive(unfinished: list[socket.socket]) -> None:
    """Send one more byte of each: nginx waits 15 s for the next, no more.

    A busy machine takes longer than that to open a thousand connections.
    """
    for sock in unfinished:
        sock.sendall(b"x")


def asked_at_once(
    stack: Stack, path: str, number: int, headers: str = ""
) -> Counter[int]:
    """Send so many requests in one moment; how many had which status.

    All connections are there before the first request is sent, so how busy
    the machine is makes little difference to how fast nginx is asked.
    """
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        "Accept: application/json\r\nConnection: close\r\n\r\n"
    ).encode()
    with raised_fd_limit(), ExitStack() as held:
        socks = [
            held.enter_context(closing(connect(stack.https_port, stack.tls)))
            for _ in range(number)
        ]
        for sock in socks:
            sock.sendall(request)
        return Counter(int(sock.recv(4096).split()[1]) for sock in socks)


@pytest.mark.usefixtures("quiet")
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
def test_who_asks_for_page_after_page_has_to_wait(
    stack: Stack, path: str, headers: str, burst: int
) -> None:
    """One program has the store, or a payment provider, work for it alone."""
    # The allowance grows by 50 a second; these are five seconds more.
    found = asked_at_once(stack, path, burst + 250, headers)
    assert found.total() == burst + 250
    assert found.total() - found[429] >= burst
    assert found[429] > 0
    # Files of a page are counted apart, and so are forms.
    assert stack.buyer.ask("/theme.css").status == 200
    assert stack.buyer.post("/cart", b"add=x").status != 429


@pytest.mark.usefixtures("quiet")
def test_a_page_of_many_covers_is_shown_whole(stack: Stack) -> None:
    """A catalog of hundreds of releases shows half of its covers."""
    found = asked_at_once(stack, "/covers/none/320", 600)
    assert not found[429]


# Run with one network of its own: asks for each address that is given, and
# prints the statuses.
_FROM_MANY = """
import collections, fcntl, http.client, json, socket, ssl, struct, sys, time
server, port, addresses, method, path = json.loads(sys.argv[1])
index = socket.if_nametoindex("eth0")
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
    for each in addresses:
        if ":" in each:
            fcntl.ioctl(control, 0x8916, struct.pack(
                "16sIi", socket.inet_pton(socket.AF_INET6, each), 64, index))
found = collections.Counter()
for each in addresses:
    until = time.monotonic() + 20
    while True:
        try:
            plain = socket.create_connection(
                (server, port), 10, (each, 0) if ":" in each else None)
            break
        except OSError:
            # The kernel is still looking whether somebody has this address.
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    connection = http.client.HTTPSConnection("localhost")
    connection.sock = context.wrap_socket(plain, server_hostname="localhost")
    connection.request(method, path, "remove=x" if method == "POST" else None,
        {"Content-Type": "application/x-www-form-urlencoded",
         "Accept": "application/json", "Connection": "close"})
    found[connection.getresponse().status] += 1
    connection.close()
print(json.dumps(found))
"""


def asked_from_many(
    stack: Stack, method: str, path: str, number: int
) -> tuple[Counter[str], Counter[str]]:
    """Ask once from each of many addresses of one /64, then once by IPv4."""
    (nginx,) = stack.project.containers("nginx")
    networks = inspected(nginx)["NetworkSettings"]["Networks"]
    (name,) = [each for each in networks if each.endswith("_outside")]
    server = networks[name]["GlobalIPv6Address"]
    prefix = ip_network(f"{server}/64", strict=False)
    # Written with zeros in every place, and with none.
    addresses = [
        str(prefix[(0x1234 << 48 if each % 2 else 0) + 0xF000 + each])
        for each in range(number)
    ]
    said = []
    for to, which in (
        (server, addresses),
        (networks[name]["IPAddress"], ["by IPv4"]),
    ):
        asked = json.dumps([to, 8443, which, method, path])
        said.append(
            docker(
                "run", "--rm", f"--network={name}", "--user=0",
                "--cap-add=NET_ADMIN", "--entrypoint=python",
                "--sysctl=net.ipv6.conf.default.accept_dad=0",
                stack.project.environ["MSRV_IMAGE"], "-W", "ignore", "-c",
                _FROM_MANY, asked,
            )
        )  # fmt: skip
    v6, v4 = (Counter(json.loads(each.splitlines()[-1])) for each in said)
    return v6, v4


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/cart"), ("GET", "/redeem")]
)
def test_a_network_of_ipv6_is_one_visitor(
    stack: Stack, method: str, path: str
) -> None:
    """Whoever has a /64, as every household has, has no limit at all."""
    by_v6, by_v4 = asked_from_many(stack, method, path, 160)
    assert by_v6.total() == 160
    assert by_v6["429"] > 0
    assert by_v6.total() - by_v6["429"] >= 50
    assert by_v4.total() == 1
    assert not by_v4["429"]
    # The log has whole addresses, as the engine's network lets them be seen.
    logged = [
        json.loads(line)["client"]
        for line in stack.project.logs("nginx")
        if line.startswith("{")
    ]
    assert len({each for each in logged if ":" in each}) >= 160
