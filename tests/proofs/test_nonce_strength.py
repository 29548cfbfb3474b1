# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Detection of weak NONCEs."""

import base64
import secrets
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.encoding import decode
from msrv.proofs.nonce_strength import new_nonce, weakness


def test_new_nonce_is_32_bytes_in_43_characters() -> None:
    nonce = new_nonce(secrets.token_bytes)
    assert len(nonce) == 43
    assert len(decode(nonce)) == 32
    assert new_nonce(secrets.token_bytes) != nonce


@given(st.binary(min_size=32, max_size=32))
def test_generated_nonces_are_not_weak(value: bytes) -> None:
    if len(set(value)) > 16:
        assert weakness(new_nonce(lambda size: value[:size])) is None


@pytest.mark.parametrize(
    "nonce",
    [
        pytest.param(secrets.token_hex(32), id="hexadecimal"),
        pytest.param(secrets.token_urlsafe(24), id="base64 for addresses"),
        pytest.param(
            base64.b64encode(secrets.token_bytes(24)).decode(), id="base64"
        ),
        pytest.param(
            base64.b32encode(secrets.token_bytes(20)).decode(), id="base32"
        ),
        "9f86d081884c7d659a2feaa0c55ad015",
        "9F86D081884C7D659A2FEAA0C55AD015",
        str(uuid.UUID("0b7f1c6e-52d4-4c80-9a3e-d16f58b27a94")),
        "31415926535897932384626433832795028841971",
        "glade tonic umbra wrist plaza ferry oxide nylon kayak cider",
        "Ж8й-Щю4ц-Ъэ7ф-Ыя2д-Юш9ч",
    ],
)
def test_random_texts_are_not_weak(nonce: str) -> None:
    assert weakness(nonce) is None


@pytest.mark.parametrize(
    ("nonce", "why"),
    [
        ("changeme", "well-known"),
        ("Change-Me!", "well-known"),
        ("changemechangemechangemechangeme", "well-known"),
        ("my-secret-nonce-please-change-me-1234", "well-known"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "well-known"),
        ("00000000000000000000000000000000000001", "well-known"),
        ("correct horse battery staple", "well-known"),
        ("a", "few"),
        ("", "few"),
        ("abababababababababababababababababababab", "few"),
        ("7h3K9xQz7h3K9xQz7h3K9xQz", "repeats"),
        ("Tr0ub4dor&3", "short"),
        ("9f86d081884c7d659a2feaa0c55ad01", "short"),
        ("31415926535897932384626433832795028841", "short"),
        ("glade tonic umbra wrist plaza ferry oxide nylon", "short"),
        ("the quick brown fox jumps over a lazy dog", "short"),
        ("ourgoldenhoursnearthesea", "short"),
        ("ichbineinberlinerundesistsehrschoenhier", "short"),
        ("SummerOfTheYearWhenNobodyCameHome", "short"),
        ("nightbus2026", "short"),
        ("ÄÖÜßäöüéèêáàâ", "short"),
    ],
)
def test_weak_nonces_are_detected_with_the_reason(
    nonce: str, why: str
) -> None:
    found = weakness(nonce)
    assert found is not None
    assert why in found


@given(st.text(max_size=60))
def test_reason_repeats_no_part_of_the_nonce(nonce: str) -> None:
    assert weakness(nonce) in {
        None,
        "it consists of well-known words or sequences",
        "it has too few different characters",
        "it repeats a shorter text",
        "it is too short to have 128 bits of randomness",
    }
