# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Download links: only the exact text that was issued is valid."""

import base64
import hashlib
import itertools
import string
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.encoding import decode, encode, mac
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.links import (
    Access,
    Link,
    LinkExpired,
    make_link,
    verify_link,
    verify_path,
)

ORDER: Final = "AAAABBBBCCCCDDDDEEEEFFFF"
ITEM: Final = "night-drive"
EXPIRES_AT: Final = 1_800_000_000
NOW: Final = EXPIRES_AT - 1
ACCESS: Final = Access(ORDER, ITEM, EXPIRES_AT)
ALPHABET: Final = string.ascii_letters + string.digits + "-_"


@pytest.fixture(scope="session")
def link(keyring: Keyring) -> Link:
    return make_link(keyring, ORDER, ITEM, EXPIRES_AT)


def check(keyring: Keyring, link: Link, now: int = NOW) -> Access:
    return verify_link(keyring, link.pop, link.poe, link.item_id, now)


def refuse(keyring: Keyring, link: Link) -> None:
    """Refused while it would be good, and not as one that has expired."""
    for now in (0, NOW, EXPIRES_AT):
        with pytest.raises(Forged):
            check(keyring, link, now)
        with pytest.raises(Forged):
            by_path(keyring, link, now)


def by_path(keyring: Keyring, link: Link, now: int = NOW) -> Access:
    """Verify a path as the fast path does; None for other paths."""
    access = verify_path(keyring, link.path, now)
    if access is None:
        raise Forged
    return access


def test_link_gives_access_to_its_item(keyring: Keyring, link: Link) -> None:
    assert check(keyring, link) == ACCESS
    assert link.path == f"/download/{link.pop}/{link.poe}/{ITEM}"
    assert (len(link.pop), len(link.poe)) == (48, 32)
    assert quote(link.path) == link.path


@given(
    st.binary(min_size=15, max_size=15),
    st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,31}\Z"),
    st.integers(1, 2**48 - 1),
)
def test_every_link_verifies(
    keyring: Keyring, order: bytes, item_id: str, expires_at: int
) -> None:
    order_id = base64.b32encode(order).decode()
    link = make_link(keyring, order_id, item_id, expires_at)
    assert check(keyring, link, expires_at - 1) == Access(
        order_id, item_id, expires_at
    )


@pytest.mark.parametrize("early", [1, 2, 3600, EXPIRES_AT])
def test_link_is_valid_until_its_last_second(
    keyring: Keyring, link: Link, early: int
) -> None:
    assert check(keyring, link, EXPIRES_AT - early) == ACCESS


@pytest.mark.parametrize("late", [0, 1, 3600, 2**62])
def test_expired_link_raises_link_expired_with_its_access(
    keyring: Keyring, link: Link, late: int
) -> None:
    with pytest.raises(LinkExpired) as caught:
        check(keyring, link, EXPIRES_AT + late)
    assert caught.value.since == EXPIRES_AT
    assert caught.value.access == ACCESS
    assert link.pop not in str(caught.value)


def test_larger_hex_number_is_forged(keyring: Keyring, link: Link) -> None:
    for proof in (
        "f" * 32,
        "f" * 64,
        "F" * 32,
        "_" * 32,
        hashlib.sha256(b"anything").hexdigest(),
        f"{int.from_bytes(decode(link.poe)) + 1:x}",
        f"{2**192 - 1:x}",
        f"0x{'f' * 30}",
    ):
        refuse(keyring, replace(link, poe=proof))


@pytest.mark.parametrize("change", [1, 60, 86400, -1, 1 << 40])
def test_prolonged_expiry_is_forged(
    keyring: Keyring, link: Link, change: int
) -> None:
    stretched = (EXPIRES_AT + change).to_bytes(6, "big")
    tag = decode(link.poe)[6:]
    refuse(keyring, replace(link, poe=encode(stretched + tag)))


def test_any_changed_character_is_forged(keyring: Keyring, link: Link) -> None:
    for at, character in itertools.product(range(48), ALPHABET):
        if link.pop[at] != character:
            pop = link.pop[:at] + character + link.pop[at + 1 :]
            with pytest.raises(Forged):
                verify_link(keyring, pop, link.poe, ITEM, NOW)
    for at, character in itertools.product(range(32), ALPHABET):
        if link.poe[at] != character:
            poe = link.poe[:at] + character + link.poe[at + 1 :]
            with pytest.raises(Forged):
                verify_link(keyring, link.pop, poe, ITEM, NOW)


def test_any_truncation_is_forged(keyring: Keyring, link: Link) -> None:
    for size in range(48):
        refuse(keyring, replace(link, pop=link.pop[:size]))
        refuse(keyring, replace(link, pop=link.pop[48 - size :]))
    for size in range(32):
        refuse(keyring, replace(link, poe=link.poe[:size]))
        refuse(keyring, replace(link, poe=link.poe[32 - size :]))


@pytest.mark.parametrize(
    "tail",
    ["=", "==", "A", "AAAA", "\n", " ", "/", "%00", "\0", "é", "\ud800"],
)
def test_any_extension_is_forged(
    keyring: Keyring, link: Link, tail: str
) -> None:
    for part in ("pop", "poe", "item_id"):
        text = getattr(link, part)
        refuse(keyring, replace(link, **{part: text + tail}))
        refuse(keyring, replace(link, **{part: tail + text}))
        refuse(keyring, replace(link, **{part: text[: -len(tail)] + tail}))


def test_any_other_spelling_is_forged(keyring: Keyring) -> None:
    # One whose proofs hold both letters that differ between the alphabets.
    link = next(
        link
        for expires_at in itertools.count(EXPIRES_AT)
        if {"-", "_"}
        <= set((link := make_link(keyring, ORDER, ITEM, expires_at)).poe)
    )
    assert check(keyring, link).order_id == ORDER
    other_alphabet = link.poe.translate(str.maketrans("-_", "+/"))
    for poe in (
        other_alphabet,
        quote(other_alphabet, safe=""),
        link.poe.replace("-", "%2D"),
        link.poe.lower(),
        link.poe.upper(),
        link.poe.swapcase(),
        decode(link.poe).hex(),
        f"{link.poe[:16]} {link.poe[16:]}",
        f"{link.poe[:16]}\r\n{link.poe[16:]}",
        "".join(f"%{ord(each):02x}" for each in link.poe),
    ):
        refuse(keyring, replace(link, poe=poe))
    for pop in (
        link.pop.lower(),
        link.pop[:24].lower() + link.pop[24:],
        link.pop[:24] + link.pop[24:].swapcase(),
        link.pop[:24] + "=" + link.pop[24:],
        "%41" + link.pop[1:],
    ):
        refuse(keyring, replace(link, pop=pop))
    for item_id in (
        "Night-drive",
        "night_drive",
        "night%2Ddrive",
        "./" + ITEM,
    ):
        refuse(keyring, replace(link, item_id=item_id))


@given(st.text(max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_arbitrary_input_is_forged(
    keyring: Keyring, pop: str, poe: str, item_id: str
) -> None:
    refuse(keyring, Link(pop, poe, item_id))


@given(st.data())
def test_any_edit_is_forged(
    keyring: Keyring, link: Link, data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from(["pop", "poe", "item_id"]))
    text = getattr(link, part)
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    put = data.draw(st.text(ALPHABET + "=+/% \n", max_size=8))
    edited = text[:start] + put + text[stop:]
    if edited != text:
        refuse(keyring, replace(link, **{part: edited}))


def test_parts_of_other_links_are_forged(keyring: Keyring) -> None:
    links = {
        make_link(keyring, order_id, item_id, expires_at)
        for order_id in (ORDER, "AAAABBBBCCCCDDDDEEEEFFF2")
        for item_id in (ITEM, "night", "night-drive-2")
        for expires_at in (EXPIRES_AT, EXPIRES_AT + 1)
    }
    pops = {link.pop for link in links}
    poes = {link.poe for link in links}
    item_ids = {link.item_id for link in links}
    assert (len(pops), len(poes), len(item_ids)) == (6, 12, 3)
    for parts in itertools.product(pops, poes, item_ids):
        mixed = Link(*parts)
        if mixed in links:
            assert check(keyring, mixed).item_id == mixed.item_id
        else:
            refuse(keyring, mixed)


def dated(keyring: Keyring, pop: str) -> Link:
    """Return a link whose proof of expiration is valid by itself."""
    expiry = EXPIRES_AT.to_bytes(6, "big")
    tag = mac(keyring.current.key(Purpose.POE), pop.encode(), expiry)
    return Link(pop, encode(expiry + tag[:18]), ITEM)


def test_proof_of_another_order_is_forged(
    keyring: Keyring, link: Link
) -> None:
    assert dated(keyring, link.pop) == link
    theirs = "7777BBBBCCCCDDDDEEEEFFFF"
    refuse(keyring, dated(keyring, theirs + link.pop[24:]))


def test_tag_of_another_purpose_is_forged(keyring: Keyring) -> None:
    for purpose in set(Purpose) - {Purpose.POP}:
        key = keyring.current.key(purpose)
        tag = mac(key, ORDER.encode(), ITEM.encode())
        refuse(keyring, dated(keyring, ORDER + encode(tag[:18])))


def test_link_of_another_store_is_forged(
    keyring: Keyring, other: Keyring, link: Link
) -> None:
    refuse(other, link)
    refuse(keyring, make_link(other, ORDER, ITEM, EXPIRES_AT))


def test_links_of_both_generations_verify_after_a_rotation(
    keyring: Keyring, other: Keyring, rotated: Keyring, link: Link
) -> None:
    assert check(rotated, link) == ACCESS
    with pytest.raises(LinkExpired):
        check(rotated, link, EXPIRES_AT)
    fresh = make_link(rotated, ORDER, ITEM, EXPIRES_AT)
    assert fresh == make_link(other, ORDER, ITEM, EXPIRES_AT)
    assert check(rotated, fresh) == ACCESS
    refuse(keyring, fresh)


def test_proofs_of_two_generations_make_no_link(
    other: Keyring, rotated: Keyring, link: Link
) -> None:
    fresh = make_link(other, ORDER, ITEM, EXPIRES_AT)
    refuse(rotated, replace(link, poe=fresh.poe))
    refuse(rotated, replace(fresh, poe=link.poe))


@pytest.mark.parametrize(
    ("order_id", "item_id", "expires_at"),
    [
        (ORDER.lower(), ITEM, 1),
        (ORDER[:-1], ITEM, 1),
        (ORDER, "Night", 1),
        (ORDER, "", 1),
        (ORDER, ITEM, -1),
        (ORDER, ITEM, 2**48),
        (ORDER, ITEM, True),
    ],
)
def test_invalid_values_make_no_link(
    keyring: Keyring, order_id: str, item_id: str, expires_at: int
) -> None:
    with pytest.raises(ValueError, match="not a"):
        make_link(keyring, order_id, item_id, expires_at)


def test_verify_path_agrees_with_verify_link(
    keyring: Keyring, link: Link
) -> None:
    assert by_path(keyring, link) == check(keyring, link) == ACCESS
    with pytest.raises(LinkExpired):
        by_path(keyring, link, EXPIRES_AT)
    for path in ("/catalog", f"{link.path}/", f"{link.path}?v=1", ""):
        assert verify_path(keyring, path, NOW) is None
