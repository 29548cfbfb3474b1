# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags of values that a browser returns."""

from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import TAG_CHARS, is_tag, tag


def test_tag_is_valid_for_one_purpose_and_value(
    keyring: Keyring, other: Keyring
) -> None:
    made = tag(keyring, Purpose.RETURN, b"ab", b"c")
    assert len(made) == TAG_CHARS
    assert is_tag(keyring, Purpose.RETURN, made, b"ab", b"c")
    assert not is_tag(keyring, Purpose.CLAIM, made, b"ab", b"c")
    assert not is_tag(keyring, Purpose.RETURN, made, b"a", b"bc")
    assert not is_tag(other, Purpose.RETURN, made, b"ab", b"c")


def test_tag_stays_valid_after_a_nonce_rotation() -> None:
    old = Keyring.from_nonces("the store's own")
    new = Keyring.from_nonces("another one", "the store's own")
    assert is_tag(new, Purpose.RETURN, tag(old, Purpose.RETURN, b"a"), b"a")
    assert not is_tag(
        old, Purpose.RETURN, tag(new, Purpose.RETURN, b"a"), b"a"
    )


@given(st.text())
def test_arbitrary_text_is_no_tag(keyring: Keyring, text: str) -> None:
    assert not is_tag(keyring, Purpose.RETURN, text, b"a")
