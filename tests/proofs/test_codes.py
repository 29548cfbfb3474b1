# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes: minting, typing mistakes, and guesses."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs import codes
from msrv.proofs.codes import (
    ALPHABET,
    CLAIM_BYTES,
    CODE_CHARS,
    MAX_SERIAL,
    WrongCharacter,
    WrongCheckCharacter,
    WrongLength,
)
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring

ITEM = "night-bus"
GUESSES = 1_000_000


def one(keyring: Keyring, serial: int = 1, campaign: str = "vinyl") -> str:
    (code,) = codes.mint(keyring, ITEM, campaign, [serial])
    return code


def test_verified_code_states_item_campaign_and_serial(
    keyring: Keyring,
) -> None:
    minted = list(codes.mint(keyring, ITEM, "vinyl", range(1, 501)))
    assert len(set(minted)) == 500
    for serial, text in enumerate(minted, 1):
        code = codes.verify(keyring, codes.normalize(text), ["other", ITEM])
        assert (code.item_id, code.serial) == (ITEM, serial)
        assert code.campaign_tag == codes.campaign_tag("vinyl")


def test_minting_is_deterministic(keyring: Keyring) -> None:
    assert one(keyring) == one(keyring)
    assert one(keyring) != one(keyring, campaign="tape")
    assert one(keyring) != one(keyring, serial=2)


@pytest.mark.parametrize(
    ("item_id", "campaign", "serial"),
    [
        ("Night Bus", "vinyl", 1),
        (ITEM, "", 1),
        (ITEM, "Vinyl 2026", 1),
        (ITEM, "v" * 33, 1),
        (ITEM, "vinyl", -1),
        (ITEM, "vinyl", MAX_SERIAL + 1),
    ],
)
def test_invalid_items_campaigns_and_serials_are_not_minted(
    keyring: Keyring, item_id: str, campaign: str, serial: int
) -> None:
    with pytest.raises(ValueError, match=r"^not "):
        list(codes.mint(keyring, item_id, campaign, [serial]))


def test_every_single_wrong_character_is_detected(keyring: Keyring) -> None:
    signs = codes.normalize(one(keyring, 77))
    for at in range(CODE_CHARS):
        for sign in ALPHABET:
            if sign != signs[at]:
                with pytest.raises(WrongCheckCharacter):
                    codes.normalize(signs[:at] + sign + signs[at + 1 :])


@given(st.text(ALPHABET, min_size=CODE_CHARS - 1, max_size=CODE_CHARS - 1))
def test_every_swap_of_two_characters_is_detected(body: str) -> None:
    signs = body + codes.check_character(body)
    assert codes.normalize(signs) == signs
    for one_at, other_at in itertools.combinations(range(CODE_CHARS), 2):
        swapped = list(signs)
        swapped[one_at], swapped[other_at] = signs[other_at], signs[one_at]
        if "".join(swapped) != signs:
            with pytest.raises(WrongCheckCharacter):
                codes.normalize("".join(swapped))


def test_normalize_accepts_lookalikes_and_separators(keyring: Keyring) -> None:
    printed = one(keyring)
    signs = codes.normalize(printed)
    assert len(signs) == CODE_CHARS
    assert [len(group) for group in printed.split("-")] == [4] * 5
    for typed in (
        printed.lower(),
        f"  {signs}\t",
        printed.replace("-", " \u2013 "),
        signs.replace("0", "o").replace("1", "l").replace("V", "u"),
    ):
        assert codes.normalize(typed) == signs


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", WrongLength),
        ("7K2M", WrongLength),
        ("0" * 21, WrongLength),
        ("0" * 100_000, WrongLength),
        ("7K2M-9XQ0-01TD-G4R8-WZ3!", WrongCharacter),
        ("七K2M-9XQ0-01TD-G4R8-WZ3C", WrongCharacter),
    ],
)
def test_malformed_codes_are_mistyped_with_the_reason(
    typed: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        codes.normalize(typed)


@given(st.text(max_size=300))
def test_any_text_is_a_code_or_mistyped(text: str) -> None:
    try:
        signs = codes.normalize(text)
    except codes.Mistyped:
        return
    assert len(signs) == CODE_CHARS
    assert set(signs) <= set(ALPHABET)


@pytest.mark.slow
def test_random_guesses_find_no_code(keyring: Keyring) -> None:
    facts = codes.normalize(one(keyring))[:10]
    true_tag = codes.normalize(one(keyring))[10:-1]
    chance = random.Random(20260306)  # noqa: S311 - a guesser's
    found = 0
    for _ in range(GUESSES):
        tag = "".join(chance.choices(ALPHABET, k=9))
        try:
            codes.verify(keyring, f"{facts}{tag}0", (ITEM,))
        except Forged:
            continue
        found += tag != true_tag
    assert found == 0


def test_code_of_another_store_is_forged(
    keyring: Keyring, other: Keyring
) -> None:
    with pytest.raises(Forged):
        codes.verify(keyring, codes.normalize(one(other)), [ITEM])


def test_code_stays_valid_after_a_nonce_rotation(
    keyring: Keyring, rotated: Keyring
) -> None:
    signs, claim = codes.normalize(one(keyring)), bytes(CLAIM_BYTES)
    before = codes.verify(keyring, signs, [ITEM])
    after = codes.verify(rotated, signs, [ITEM])
    assert after.code_id == before.code_id
    assert after.order_id(claim) == before.order_id(claim)
    # What is minted now is another code, though it states the same.
    new = codes.verify(rotated, codes.normalize(one(rotated)), [ITEM])
    assert new.facts == after.facts
    assert new.code_id != after.code_id


def test_order_id_depends_on_the_claim(keyring: Keyring) -> None:
    code = codes.verify(keyring, codes.normalize(one(keyring)), [ITEM])
    mine, yours = bytes(CLAIM_BYTES), b"\1" * CLAIM_BYTES
    assert code.order_id(mine) == code.order_id(mine) != code.order_id(yours)
    with pytest.raises(ValueError, match="not a claim"):
        code.order_id(b"")
