"""What the store gives to a browser and wants back unchanged."""

from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import TAG_CHARS, is_tag, tag


def test_a_tag_is_of_one_purpose_and_one_value(
    keyring: Keyring, other: Keyring
) -> None:
    """A tag of one thing passes as one of another."""
    made = tag(keyring, Purpose.RETURN, b"ab", b"c")
    assert len(made) == TAG_CHARS
    assert is_tag(keyring, Purpose.RETURN, made, b"ab", b"c")
    assert not is_tag(keyring, Purpose.CLAIM, made, b"ab", b"c")
    assert not is_tag(keyring, Purpose.RETURN, made, b"a", b"bc")
    assert not is_tag(other, Purpose.RETURN, made, b"ab", b"c")


def test_a_tag_outlives_a_change_of_nonce() -> None:
    old = Keyring.from_nonces("the store's own")
    new = Keyring.from_nonces("another one", "the store's own")
    assert is_tag(new, Purpose.RETURN, tag(old, Purpose.RETURN, b"a"), b"a")
    assert not is_tag(
        old, Purpose.RETURN, tag(new, Purpose.RETURN, b"a"), b"a"
    )


@given(st.text())
def test_whatever_is_sent_is_no_tag(keyring: Keyring, text: str) -> None:
    assert not is_tag(keyring, Purpose.RETURN, text, b"a")
