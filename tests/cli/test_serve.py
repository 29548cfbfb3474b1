# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The start-up banner for each payment provider, and garbage collection."""

import asyncio
import gc
from pathlib import Path
from typing import cast

import pytest

from msrv import settings
from msrv.catalog.live_catalog import LiveCatalog
from msrv.cli import serve as serve_module
from msrv.cli.serve import print_banner, spare_what_is_loaded
from msrv.payments.registry import Providers

TEST = {"MSRV_STRIPE_KEY": "rk_test_0123"}
LIVE = {"MSRV_STRIPE_KEY": "sk_live_0123"}
WEBHOOK = {"MSRV_STRIPE_WEBHOOK_SECRET": "whsec_1"}
SIMULATED = {"MSRV_DEMO_PAYMENTS": "1"}


@pytest.mark.parametrize(
    ("environ", "said", "unsaid"),
    [
        (
            {},
            ["free items only: no payment provider"],
            ["simulated", "Stripe"],
        ),
        (SIMULATED, ["simulated: no money moves"], ["free items", "Stripe"]),
        (
            TEST | WEBHOOK,
            ["Stripe, test mode: no money moves"],
            ["free items", "simulated", "live", "(without"],
        ),
        (
            LIVE | WEBHOOK,
            ["Stripe, live"],
            ["free items", "simulated", "no money moves", "(without"],
        ),
        (LIVE, ["Stripe, live", "(without MSRV_STRIPE_WEBHOOK_SECRET"], []),
        (
            TEST | WEBHOOK | SIMULATED,
            ["Stripe, test mode", "simulated: no money moves"],
            ["free items"],
        ),
    ],
)
def test_banner_names_the_payment_providers(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    environ: dict[str, str],
    said: list[str],
    unsaid: list[str],
) -> None:
    found = settings.load({"MSRV_LIBRARY": str(tmp_path), **environ})
    providers = Providers.from_settings(found)
    print_banner(found, providers.status(), None, "https://shop.example")
    text = capsys.readouterr().out
    assert text.count("  payments  ") == 1
    assert all(each in text for each in said)
    assert not any(each in text for each in unsaid)


class LoadingCatalog:
    """Catalog that is read when a test says so."""

    def __init__(self) -> None:
        self.loaded = asyncio.Event()

    async def ready(self) -> None:
        """Wait for the test."""
        await self.loaded.wait()


async def test_what_is_loaded_is_left_out_of_garbage_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve_module, "_LOADED_SECONDS", 0)
    catalog = LoadingCatalog()
    task = asyncio.create_task(
        spare_what_is_loaded(cast("LiveCatalog", catalog))
    )
    await asyncio.sleep(0)
    before = gc.get_freeze_count()
    releases = [[number] for number in range(1000)]
    assert gc.get_freeze_count() == before
    catalog.loaded.set()
    await task
    assert gc.get_freeze_count() >= before + len(releases)
