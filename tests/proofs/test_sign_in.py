# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-in links and sessions, and their validity."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.encoding import encode, mac
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.sign_in import TicketExpired, TicketKind, issue, read, renew
from tests.conftest import NONCE

NOW = 1_800_000_000


def made(
    keyring: Keyring, kind: TicketKind = TicketKind.LINK, at: int = NOW
) -> str:
    """Return a new ticket."""
    return issue(keyring, kind, at, secrets.token_bytes)


@pytest.mark.parametrize(
    ("kind", "seconds"), [(TicketKind.LINK, 600), (TicketKind.SESSION, 3600)]
)
def test_ticket_is_valid_until_it_expires(
    keyring: Keyring, kind: TicketKind, seconds: int
) -> None:
    text = made(keyring, kind)
    assert len(text) == 48
    ticket = read(keyring, kind, text, NOW + seconds - 1)
    assert (ticket.issued_at, ticket.expires_at) == (NOW, NOW + seconds)
    with pytest.raises(TicketExpired) as caught:
        read(keyring, kind, text, NOW + seconds)
    assert caught.value.ticket == ticket
    assert text not in repr(caught.value)


def test_renewed_session_lasts_for_twelve_hours(keyring: Keyring) -> None:
    text, number = made(keyring, TicketKind.SESSION), None
    for now in range(NOW, NOW + 43_200, 1800):
        session = read(keyring, TicketKind.SESSION, text, now)
        assert number in {None, session.number}
        number = session.number
        text = renew(keyring, session, now)
        assert len(text) == 48
    last = read(keyring, TicketKind.SESSION, text, NOW + 43_199)
    assert last.expires_at == last.ends_at == NOW + 43_200
    with pytest.raises(TicketExpired):
        read(keyring, TicketKind.SESSION, text, NOW + 43_200)


def test_session_of_an_earlier_version_is_forged(keyring: Keyring) -> None:
    """It has random bytes in place of the time of its last use."""
    said = NOW.to_bytes(6, "big") + b"\xff" * 12
    key = keyring.current.key(Purpose.STUDIO)
    text = encode(said + mac(key, b"session", said)[:18])
    with pytest.raises(Forged):
        read(keyring, TicketKind.SESSION, text, NOW)


def test_tickets_of_one_second_differ(keyring: Keyring) -> None:
    one, other = (
        read(keyring, TicketKind.LINK, made(keyring), NOW) for _ in range(2)
    )
    assert one.number != other.number


def test_link_and_session_are_not_interchangeable(keyring: Keyring) -> None:
    for kind, other in (
        (TicketKind.LINK, TicketKind.SESSION),
        (TicketKind.SESSION, TicketKind.LINK),
    ):
        with pytest.raises(Forged):
            read(keyring, other, made(keyring, kind), NOW)


def test_ticket_of_another_nonce_is_forged(keyring: Keyring) -> None:
    with pytest.raises(Forged):
        read(
            keyring, TicketKind.LINK, made(Keyring.from_nonces("another")), NOW
        )


def test_ticket_of_a_previous_nonce_is_forged(keyring: Keyring) -> None:
    changed = Keyring.from_nonces("a new one", NONCE)
    with pytest.raises(Forged):
        read(
            changed, TicketKind.SESSION, made(keyring, TicketKind.SESSION), NOW
        )


def test_key_of_another_purpose_is_forged(keyring: Keyring) -> None:
    said = NOW.to_bytes(6, "big") + bytes(12)
    for purpose in set(Purpose) - {Purpose.STUDIO}:
        tag = mac(keyring.current.key(purpose), b"link", said)[:18]
        with pytest.raises(Forged):
            read(keyring, TicketKind.LINK, encode(said + tag), NOW)


@given(at=st.integers(0, 47), to=st.sampled_from("ABCxyz019-_=+/. é"))
def test_any_changed_character_is_forged(
    keyring: Keyring, at: int, to: str
) -> None:
    text = issue(keyring, TicketKind.LINK, NOW, bytes)
    changed = text[:at] + to + text[at + 1 :]
    if changed != text:
        with pytest.raises(Forged):
            read(keyring, TicketKind.LINK, changed, NOW)


@pytest.mark.parametrize("kind", TicketKind)
def test_ticket_states_its_operator(
    keyring: Keyring, kind: TicketKind
) -> None:
    text = issue(keyring, kind, NOW, secrets.token_bytes, "a1b2c3d4e5f6")
    assert len(text) == 56
    ticket = read(keyring, kind, text, NOW)
    assert ticket.operator_id == "a1b2c3d4e5f6"
    if kind is TicketKind.SESSION:
        again = read(keyring, kind, renew(keyring, ticket, NOW + 9), NOW + 9)
        assert again.operator_id == "a1b2c3d4e5f6"
    # Neither another operator's, nor the one without a name.
    other = issue(keyring, kind, NOW, secrets.token_bytes, "f" * 12)
    for mixed in (text[:24] + other[24:32] + text[32:], text[:24] + text[32:]):
        with pytest.raises(Forged):
            read(keyring, kind, mixed, NOW)
    for wrong in ("a1", "a" * 14):
        with pytest.raises(ValueError, match="operator"):
            issue(keyring, kind, NOW, secrets.token_bytes, wrong)


@pytest.mark.parametrize(
    "text", ["", "A", "A" * 47, "A" * 49, "A" * 56, "A" * 9000]
)
def test_arbitrary_text_is_forged(keyring: Keyring, text: str) -> None:
    with pytest.raises(Forged):
        read(keyring, TicketKind.SESSION, text, NOW)
