"""Sign-in links and sessions: what opens the studio, and until when."""

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
    """A ticket that was just made."""
    return issue(keyring, kind, at, secrets.token_bytes)


@pytest.mark.parametrize(
    ("kind", "seconds"), [(TicketKind.LINK, 600), (TicketKind.SESSION, 3600)]
)
def test_a_ticket_lasts_as_long_as_it_says(
    keyring: Keyring, kind: TicketKind, seconds: int
) -> None:
    """A link lies in a terminal's history and opens the books next week."""
    text = made(keyring, kind)
    assert len(text) == 48
    ticket = read(keyring, kind, text, NOW + seconds - 1)
    assert (ticket.issued_at, ticket.expires_at) == (NOW, NOW + seconds)
    with pytest.raises(TicketExpired) as caught:
        read(keyring, kind, text, NOW + seconds)
    assert caught.value.ticket == ticket
    assert text not in repr(caught.value)


def test_session_that_is_used_lasts_for_twelve_hours(keyring: Keyring) -> None:
    """And not for longer, however much it is used; its number stays."""
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


def test_session_of_an_earlier_version_is_none(keyring: Keyring) -> None:
    """It had a random number where a session says when it was used."""
    said = NOW.to_bytes(6, "big") + b"\xff" * 12
    key = keyring.current.key(Purpose.STUDIO)
    text = encode(said + mac(key, b"session", said)[:18])
    with pytest.raises(Forged):
        read(keyring, TicketKind.SESSION, text, NOW)


def test_two_tickets_of_one_second_are_two(keyring: Keyring) -> None:
    """Using one link uses another one up."""
    one, other = (
        read(keyring, TicketKind.LINK, made(keyring), NOW) for _ in range(2)
    )
    assert one.number != other.number


def test_a_link_is_no_session_and_a_session_no_link(keyring: Keyring) -> None:
    """A link that was used goes on as a cookie for twelve hours."""
    for kind, other in (
        (TicketKind.LINK, TicketKind.SESSION),
        (TicketKind.SESSION, TicketKind.LINK),
    ):
        with pytest.raises(Forged):
            read(keyring, other, made(keyring, kind), NOW)


def test_another_nonce_opens_nothing(keyring: Keyring) -> None:
    """Whoever runs a store of their own can sign in to every other."""
    with pytest.raises(Forged):
        read(
            keyring, TicketKind.LINK, made(Keyring.from_nonces("another")), NOW
        )


def test_changing_nonce_signs_everyone_out(keyring: Keyring) -> None:
    """A NONCE that got out is changed, and its finder stays signed in."""
    changed = Keyring.from_nonces("a new one", NONCE)
    with pytest.raises(Forged):
        read(
            changed, TicketKind.SESSION, made(keyring, TicketKind.SESSION), NOW
        )


def test_no_other_key_will_do(keyring: Keyring) -> None:
    """What proves a purchase opens the studio too."""
    said = NOW.to_bytes(6, "big") + bytes(12)
    for purpose in set(Purpose) - {Purpose.STUDIO}:
        tag = mac(keyring.current.key(purpose), b"link", said)[:18]
        with pytest.raises(Forged):
            read(keyring, TicketKind.LINK, encode(said + tag), NOW)


@given(at=st.integers(0, 47), to=st.sampled_from("ABCxyz019-_=+/. é"))
def test_no_letter_can_be_changed(keyring: Keyring, at: int, to: str) -> None:
    """A link can be stretched by changing its time."""
    text = issue(keyring, TicketKind.LINK, NOW, bytes)
    changed = text[:at] + to + text[at + 1 :]
    if changed != text:
        with pytest.raises(Forged):
            read(keyring, TicketKind.LINK, changed, NOW)


@pytest.mark.parametrize("text", ["", "A", "A" * 47, "A" * 49, "A" * 9000])
def test_what_is_no_ticket(keyring: Keyring, text: str) -> None:
    """A stranger's cookie breaks the page."""
    with pytest.raises(Forged):
        read(keyring, TicketKind.SESSION, text, NOW)
