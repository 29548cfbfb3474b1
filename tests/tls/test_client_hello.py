# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ClientHello: what its first bytes say, whatever a stranger sends."""

import random
import ssl
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.tls.client_hello import (
    MAX_BYTES,
    MAX_RECORDS,
    ClientHello,
    IncompleteHello,
    NotAHello,
    parse,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def hello_of(
    name: str | None, *protocols: str, version: ssl.TLSVersion = VERSIONS[1]
) -> bytes:
    """Return the first bytes that OpenSSL sends as a client."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    sent = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return sent.read()


HELLO = hello_of("shop.example", "acme-tls/1")


def in_records(message: bytes, size_bytes: int) -> bytes:
    """Return a handshake message in records of this size."""
    return b"".join(
        b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece
        for at in range(0, len(message), size_bytes)
        if (piece := message[at : at + size_bytes])
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "protocols"),
    [
        ("shop.example", ("acme-tls/1",)),
        ("SHOP.example", ("h2", "http/1.1")),
        ("shop.example", ()),
        (None, ("acme-tls/1", "http/1.1")),
    ],
)
def test_name_and_protocols_of_a_client_are_parsed(
    name: str | None, protocols: tuple[str, ...], version: ssl.TLSVersion
) -> None:
    found = parse(hello_of(name, *protocols, version=version))
    assert found == ClientHello(
        (name or "").lower(), tuple(each.encode() for each in protocols)
    )


def test_each_beginning_is_incomplete() -> None:
    for length in range(len(HELLO)):
        with pytest.raises(IncompleteHello):
            parse(HELLO[:length])
    assert parse(HELLO + b"more").server_name == "shop.example"


@pytest.mark.parametrize("size_bytes", [40, 100, 16 * 1024])
def test_hello_in_several_records_is_parsed(size_bytes: int) -> None:
    assert parse(in_records(HELLO[5:], size_bytes)) == parse(HELLO)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x15\x03\x01\x00\x02\x01\x00",  # an alert
        b"\x16\x03\x01\x00\x00",  # an empty record
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",  # a ServerHello
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",  # an empty ClientHello
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",  # sixteen megabytes
        b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03",
    ],
)
def test_other_bytes_are_no_hello(data: bytes) -> None:
    with pytest.raises(NotAHello):
        parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with suppress(IncompleteHello, NotAHello):
        parse(data)


@given(st.integers(0, 2**32))
def test_damaged_hello_is_parsed_or_refused(seed: int) -> None:
    choices = random.Random(seed)  # noqa: S311 - only to repeat a failure
    damaged = bytearray(HELLO)
    for _ in range(choices.randint(1, 8)):
        damaged[choices.randrange(5, len(damaged))] = choices.randrange(256)
    with suppress(IncompleteHello, NotAHello):
        parse(bytes(damaged))


def test_hello_in_too_many_records_is_none() -> None:
    """Each record costs time, and a message of one byte in each is long."""
    records = in_records(HELLO[5:], 1)
    with pytest.raises(IncompleteHello):
        parse(records[: 6 * MAX_RECORDS])
    with pytest.raises(NotAHello, match="records"):
        parse(records[: 6 * MAX_RECORDS + 5])


def test_endless_records_end() -> None:
    endless = in_records(b"\x01\x00\x3f\xf0" + b"\0" * MAX_BYTES, 16)
    with suppress(IncompleteHello, NotAHello):
        parse(endless[:MAX_BYTES])
