# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keys of a CDN, by month."""

import hmac

import pytest

from msrv.downloads.objects.cdn_keys import month_key, month_of, months_from
from msrv.proofs.keyring import Keyring, Purpose

DECEMBER = 1_796_083_200
"""2026-12-01 00:00 UTC."""


def test_month_is_that_of_utc() -> None:
    assert month_of(DECEMBER - 1) == "2026-11"
    assert month_of(DECEMBER) == "2026-12"
    assert months_from(DECEMBER, 3) == ["2026-12", "2027-01", "2027-02"]


def test_keys_are_derived_by_hkdf(keyring: Keyring) -> None:
    key = keyring.current.key(Purpose.CDN)
    extracted = hmac.digest(bytes(32), key, "sha256")
    expected = hmac.digest(
        extracted, b"msrv/v1/cdn/fastly/2026-11\1", "sha256"
    )
    assert month_key(keyring.current, "fastly", "2026-11") == expected.hex()


@pytest.mark.parametrize(
    ("cdn", "month"), [("fastly", "2026-12"), ("cloudflare", "2026-11")]
)
def test_each_cdn_and_month_has_its_own(
    keyring: Keyring, cdn: str, month: str
) -> None:
    other = Keyring.from_nonces("another store's")
    key = month_key(keyring.current, "fastly", "2026-11")
    assert month_key(keyring.current, cdn, month) != key
    assert month_key(other.current, "fastly", "2026-11") != key
