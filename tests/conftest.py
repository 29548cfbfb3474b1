# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shared fixtures: a small library, a store on it, and a fake Stripe.

Those of optional programs are in `optional_programs.py`.
"""

import functools
import gc
import logging
import os
import shutil
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from aiohttp import web, web_app
from aiohttp.test_utils import TestClient
from PIL import Image
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from msrv import settings as settings_room
from msrv.app import create_app
from msrv.proofs import keyring as keyring_module
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests import xdist_scheduling
from tests.hang_watch import HangWatch
from tests.shared_store_parts import SharedStoreParts
from tests.slow_tests import is_slow, is_slow_path
from tests.wav_files import write_wav

if TYPE_CHECKING:
    from tests.payments.stripe.fake_stripe import FakeStripe

pytest_plugins = ["tests.optional_programs"]

NONCE = "a nonce for the tests alone: 8fK2-vbn1-Qz7T-pl0M-Ww3x"

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("any pace", deadline=None)
hypothesis.settings.register_profile("few", deadline=None, max_examples=40)
hypothesis.settings.load_profile("any pace")

ROOT = Path(__file__).parent
"""The folder of the tests."""
_HANG_WATCH = HangWatch()

Client = TestClient[web.Request, web.Application]
StartStore = Callable[..., Awaitable[Client]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> LoadScopeScheduling:
    """Schedule tests by file, and the engine's and browser's as one."""
    return xdist_scheduling.FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item,
) -> Generator[None, object, object]:
    """Run tests marked `alone` alone, and browsers in their own network."""
    with (
        xdist_scheduling.isolated_network(
            wanted=xdist_scheduling.drives_browser(item.nodeid)
        ),
        xdist_scheduling.run_lock(alone=any(item.iter_markers("alone"))),
        _HANG_WATCH.watching(item.nodeid),
    ):
        return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Make fewer examples for `make test-fast` than for `make test`."""
    if config.option.markexpr == "not slow":
        hypothesis.settings.load_profile("few")


def pytest_sessionstart() -> None:
    """Stop if the clone has settings, which every command would read."""
    if (ROOT.parent / "msrv.env").exists():
        pytest.exit("msrv.env would change what the tests start: move it", 2)


def pytest_ignore_collect(
    collection_path: Path, config: pytest.Config
) -> bool | None:
    """Leave slow folders and modules unread if their tests are left out."""
    is_left_out = config.option.markexpr == "not slow" and is_slow_path(
        collection_path
    )
    return True if is_left_out else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is imported by now out of each garbage collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        # A store makes tens of thousands of objects, and most of them stay.
        gc.set_threshold(10_000)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `slow` each test that needs more than this process."""
    for item in items:
        if is_slow(item):
            item.add_marker("slow")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = xdist_scheduling.longest_first(items)


@pytest.fixture(autouse=True)
def unchanged_log_levels() -> Iterator[None]:
    """Restore the log's levels, which a command sets for its own process."""
    loggers = logging.getLogger(), logging.getLogger("msrv")
    levels = [each.level for each in loggers]
    yield
    for each, level in zip(loggers, levels, strict=True):
        if each.level != level:  # each change makes all loggers slower
            each.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def stretched_once() -> Iterator[None]:
    """Stretch each NONCE of the run once, since that is slow by design."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            keyring_module, "stretch", functools.cache(keyring_module.stretch)
        )
        yield


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """Keys derived from NONCE; derived once, since that is slow by design."""
    return Keyring.from_nonces(NONCE, accepts_simulated=True)


@pytest.fixture
def library(tmp_path: Path, pristine_library: Path) -> Path:
    """Library of three releases, which the test may change."""
    return Path(shutil.copytree(pristine_library, tmp_path / "library"))


@pytest.fixture(scope="session")
def pristine_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Library of an album, a single and a free book, to copy."""
    root = tmp_path_factory.mktemp("pristine") / "library"
    album = root / "Night Bus"
    write_wav(album / "01 Departure.wav", pitch=220)
    write_wav(album / "02 Wrong Stop.wav", pitch=330)
    (album / "Lyrics.pdf").write_bytes(b"%PDF-1.4 words %%EOF")
    Image.new("RGB", (400, 400), "#802010").save(album / "cover.png")
    (album / "release.toml").write_text(
        'id = "night-bus"\ntitle = "Night Bus"\nartist = "The Wet Coats"\n'
        'date = "2026-03-06"\nprice = "7.00"\nitem_price = "1.00"\n'
        '[items."01 Departure.wav"]\nid = "departure"\n'
        '[items."02 Wrong Stop.wav"]\nid = "wrong-stop"\n'
        '[items."Lyrics.pdf"]\nid = "lyrics"\nprice = "0"\n',
        encoding="utf-8",
    )
    single = root / "Umbrella"
    write_wav(single / "Umbrella.wav", pitch=440)
    (single / "release.toml").write_text(
        'id = "umbrella-single"\ntitle = "Umbrella"\n'
        'artist = "The Wet Coats"\ndate = "2025"\n'
        'description = "One song & <b>no</b> more."\n'
        '[items."Umbrella.wav"]\nid = "umbrella"\nprice = "1.50"\n',
        encoding="utf-8",
    )
    book = root / "Zine"
    book.mkdir()
    (book / "zine.pdf").write_bytes(b"%PDF-1.4 zine %%EOF")
    (book / "release.toml").write_text(
        'id = "zine-issue"\ntitle = "Zine"\ndate = "2024-05"\n'
        '[items."zine.pdf"]\nid = "zine"\nprice = "0"\n',
        encoding="utf-8",
    )
    (root / "store.toml").write_text(
        'name = "Wet Coats"\ntagline = "Songs about weather"\n'
        'contact = "hello@example.org"\ncurrency = "EUR"\n',
        encoding="utf-8",
    )
    return root


@pytest.fixture
def settings(library: Path, tmp_path: Path) -> Settings:
    """Settings for that library, with simulated payments."""
    return settings_room.load(
        {
            "MSRV_LIBRARY": str(library),
            "MSRV_DATA": str(tmp_path / "data"),
            "MSRV_CERTS": str(tmp_path / "certs"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_TLS": "off",
            "MSRV_SETTLE_SECONDS": "0",
        }
    )


@pytest.fixture(scope="session")
def shared_store_parts(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SharedStoreParts]:
    """Parts of a store that all stores of the run share."""
    with SharedStoreParts(tmp_path_factory.mktemp("new-data")) as parts:
        yield parts


class Clock:
    """Clock that a test sets, in Unix seconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Clock of the store."""
    return Clock()


@pytest.fixture
def start_store(
    aiohttp_client: Callable[..., Awaitable[Client]],
    keyring: Keyring,
    clock: Clock,
    shared_store_parts: SharedStoreParts,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StartStore]:
    """Start a store in this process and wait until it can sell."""
    shared_store_parts.install(monkeypatch)

    async def start(settings: Settings) -> Client:
        if settings.database_url is None:
            shared_store_parts.data_folder.copy_to(settings.data)
        keys = replace(
            keyring, accepts_simulated=settings.accepts_simulated_payments
        )
        app = create_app(settings, keys, clock=clock)
        client = await aiohttp_client(app)
        await app[STORE].catalog.ready()
        return client

    yield start
    # It would keep each store of the run, and each garbage collection look
    # through all of them.
    web_app._cached_build_middleware.cache_clear()


@pytest.fixture
async def store(start_store: StartStore, settings: Settings) -> Client:
    """Store on the small library."""
    return await start_store(settings)


@pytest.fixture
async def bank(clock: Clock) -> AsyncIterator["FakeStripe"]:
    """Stripe, with an account in test mode."""
    from tests.payments.stripe.fake_stripe import (  # noqa: PLC0415 - slow to import
        FakeStripe,
    )

    async with FakeStripe.running(clock) as found:
        yield found
