"""What nginx lets one address have."""

import socket
import time
from contextlib import ExitStack, closing

import pytest

from tests.containers.buyer import raw
from tests.containers.conftest import Stack
from tests.containers.engine import until
from tests.running import dial, enough_sockets

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
    assert 10 < time.monotonic() - began < 20


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
    assert b"One thing at a time" in page.body
    # Who only looks is not counted.
    assert stack.buyer.ask("/cart").status == 200


@pytest.mark.usefixtures("quiet")
def test_one_address_holds_so_much_and_no_more(stack: Stack) -> None:
    """One machine takes every connection, and the store is gone."""
    asked = {"Accept": "application/json"}
    with enough_sockets(), ExitStack() as held:
        for _ in range(MOST - 1):
            held.enter_context(closing(begin(stack)))
        assert stack.buyer.ask("/", asked).status == 200
        held.enter_context(closing(begin(stack)))
        # It is asked behind whoever was the last to hold one.
        until(lambda: stack.buyer.ask("/").status == 429, "it is full")
        refused = stack.buyer.ask("/", asked)
        assert (refused.status, refused.json["error"]) == (429, "too_fast")
        assert refused.headers["retry-after"] == "5"
    until(stack.buyer.is_ready, "they have gone")


def begin(stack: Stack) -> socket.socket:
    """Ask for something, and never say all of it."""
    sock = dial(stack.https_port, stack.tls)
    sock.sendall(
        b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
    )
    return sock
