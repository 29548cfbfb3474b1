# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The draft of a privacy text follows the settings."""

from pathlib import Path

import pytest

from msrv.catalog.markdown import render, split_title
from msrv.catalog.model import Shop
from msrv.cli.legal.privacy_text import privacy_text
from msrv.settings import load


def draft(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shop = Shop(name="Wet Coats", contact="hello@example.org")
    return privacy_text(load(None), shop)


def test_text_states_what_a_store_with_everything_keeps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = draft(
        monkeypatch,
        NONCE="kq0hTqZC2MV6uGv1n3Yx5bRzWc8sLdPjEoAiXfUgB4I",
        MSRV_LIBRARY=str(tmp_path),
        MSRV_STRIPE_KEY="sk_live_0123456789abcdef",
        MSRV_SMTP_URL="smtps://me:secret@mail.example",
        MSRV_MAIL_FROM="shop@example.org",
        MSRV_PUBLIC_URL="https://shop.example",
        MSRV_LOG_ADDRESSES="network",
        MSRV_ADDRESS_INDEX_KEY="kq0hTqZC2MV6uGv1n3Yx5bRzWc8sLdPjEoAiXfUgB4I1",
    )
    for part in (
        "Wet Coats",
        "hello@example.org",
        "Stripe",
        "mail.example",
        "a shortened IP address",
        "MSRV_ADDRESS_INDEX_KEY",
    ):
        assert part in text
    assert "secret" not in text
    assert "simulated" not in text
    assert split_title(text).title == "Privacy"
    assert render(text).html.count("<h") == 7


def test_text_of_a_store_without_mail_and_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = draft(monkeypatch, NONCE="demo", MSRV_LOG_ADDRESSES="none")
    assert "The store sends no email." in text
    assert "doesn't have your IP address" in text
    assert "simulated" in text
    assert "Stripe" not in text


def test_who_else_sends_the_files_is_to_be_stated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = {"NONCE": "demo", "MSRV_LIBRARY": "s3://bucket/store"}
    assert "another company" not in draft(monkeypatch, **bucket)
    text = draft(monkeypatch, **bucket, MSRV_DELIVERY="redirect")
    assert "MSRV_DELIVERY=redirect files are sent by another company" in text
