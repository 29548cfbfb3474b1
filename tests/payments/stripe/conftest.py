# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store that is configured for a fake Stripe."""

from pathlib import Path

import pytest

from msrv import settings as settings_room
from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe


@pytest.fixture
def settings(library: Path, tmp_path: Path, bank: FakeStripe) -> Settings:
    """Settings for the small library and that Stripe alone."""
    return settings_room.load(
        {
            "MSRV_LIBRARY": str(library),
            "MSRV_DATA": str(tmp_path / "data"),
            "MSRV_CERTS": str(tmp_path / "certs"),
            "MSRV_TLS": "off",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_STRIPE_KEY": KEY,
            "MSRV_STRIPE_WEBHOOK_SECRET": SECRET,
            "MSRV_STRIPE_API": bank.url,
        }
    )


@pytest.fixture
async def store(start_store: StartStore, settings: Settings) -> Client:
    """A store that accepts payments by that Stripe."""
    return await start_store(settings)
