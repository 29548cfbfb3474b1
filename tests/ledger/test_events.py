# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Events: validation, and their JSON form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.ledger.events import (
    TITLE_CHARS,
    Delivered,
    Event,
    PaymentEvent,
    Redeemed,
    SoldLine,
    clean_title,
    event_from_json,
    event_to_json,
)
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.withdrawals.events import WithdrawalHandled, WithdrawalStated
from tests.ledger.sample_events import (
    CONSENT,
    NOON,
    TAX,
    order_id,
    restored,
    reversal,
    revoked,
    sale,
)

EVENTS: list[Event] = [
    sale(1, ("song", 100), ("album", 0), reference="pi_3x/Y"),
    sale(2, ("song", 100), consent=CONSENT),
    revoked(2, "song"),
    restored(3),
    Redeemed("code-1", order_id(1), NOON),
    PaymentEvent("stripe", "evt_1", "refund.created", "", NOON),
    Delivered(order_id(1), "song", "0" * 16, 9, ((0, 4), (5, 9)), NOON),
    OperatorAct(
        "0f" * 12, NOON * 1000, "ab" * 12, "export-orders", "2026-03-01.."
    ),
    reversal(1, 100, "pending", "song", "album"),
    WithdrawalStated("number-0a", order_id(1), NOON, "unproved"),
    WithdrawalHandled("number-0a", NOON),
    sale(3, ("song", 100), tax=TAX),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda each: type(each).__name__)
def test_event_survives_a_json_round_trip(event: Event) -> None:
    text = event_to_json(event)
    assert text.isascii()
    assert b"\n" not in text
    assert event_from_json(text) == event


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"event": "gift"}),
        (0, {"extra": 1}),
        (0, {"order_id": "x"}),
        (0, {"order_id": 1}),
        (0, {"sold_at": -1}),
        (0, {"sold_at": True}),
        (0, {"sold_at": 1.5}),
        (0, {"currency": "eur"}),
        (0, {"provider": ""}),
        (0, {"lines": []}),
        (0, {"lines": [["song", 1, "A"], ["song", 1, "B"]]}),
        (0, {"lines": [["song", -1, "A"]]}),
        (0, {"lines": [["song", 1]]}),
        (0, {"lines": [["song", 1, "A\nB"]]}),
        (0, {"lines": 5}),
        (0, {"reference": "a b"}),
        (8, {"kind": "gift"}),
        (8, {"items": ["not an id"]}),
        (8, {"items": 5}),
        (8, {"amount_minor": -1}),
        (8, {"is_effective": 1}),
        (8, {"reason": "Of the bank"}),
        (1, {"consent": None}),
        (1, {"consent": {"at": -1, "lang": "pt", "sha256": "0d" * 32}}),
        (1, {"consent": {"at": 1, "lang": "pt", "sha256": "0D" * 32}}),
        (11, {"tax": None}),
        (11, {"tax": {"country": "Portugal"}}),
        (11, {"tax": {"country": 5}}),
        (11, {"tax": {"evidence": [["card"]]}}),
        (11, {"tax": {"evidence": [["card", "PT"], ["card", "PT"]]}}),
        (11, {"tax": {"evidence": [["Card", "PT"]]}}),
        (11, {"tax": {"tax_minor": -1}}),
        (11, {"tax": {"tax_minor": True}}),
        (11, {"tax": {"tax_minor": 1.5}}),
        (11, {"tax": {"tax_minor": 1, "rate_bp": 10_001}}),
        (11, {"tax": {"rate_bp": 1900}}),
        (11, {"tax": {"included": 1}}),
        (11, {"tax": {"business": "no"}}),
        (11, {"tax": {"jurisdiction": "a\nb"}}),
        (2, {"item_id": "NO"}),
        (2, {"by": "who is it"}),
        (4, {"code_id": ""}),
        (5, {"event_id": ""}),
        (6, {"version": "xyz"}),
        (6, {"ranges": []}),
        (6, {"ranges": [[4, 4]]}),
        (6, {"ranges": [[0, 10]]}),
        (6, {"ranges": [[-1, 4]]}),
        (6, {"ranges": [[0, "4"]]}),
    ],
    ids=str,
)
def test_invalid_field_is_rejected(
    number: int, change: dict[str, object]
) -> None:
    fields = json.loads(event_to_json(EVENTS[number]))
    assert event_from_json(json.dumps(fields).encode()) == EVENTS[number]
    with pytest.raises(ValueError, match=r"no|twice"):
        event_from_json(json.dumps(fields | change).encode())


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"5", b"nan", b"\xff"])
def test_text_that_is_no_event_is_rejected(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        event_from_json(text)


@given(st.text())
def test_any_text_becomes_a_valid_title(text: str) -> None:
    title = clean_title(text)
    assert SoldLine("song", 1, title).title == title
    assert 1 <= len(title) <= TITLE_CHARS
    title.encode("utf-8")


def test_lone_surrogate_in_a_title_is_replaced() -> None:
    """File names from other systems may contain one."""
    assert clean_title("a\udcffb") == "a?b"
