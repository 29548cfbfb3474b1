# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Last good configuration while a file is missing or incomplete."""

import json
import logging
from pathlib import Path

import pytest

from msrv.catalog.config.last_good import FILE_NAME, LastGoodConfig

GRACE = 60
STORE = """\
name = "N"
currency = "GBP"
[prices]
item = "9.00"
release = 18.50
[discounts.SPRING]
percent = 20
last_day = "2026-03-31"
"""


class SavedConfig:
    """Last good configuration in a folder, with a time set by the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.config = self.open()

    def open(self) -> LastGoodConfig:
        return LastGoodConfig.open(
            self.folder, grace_seconds=GRACE, timer=lambda: self.now
        )

    def restart(self) -> None:
        self.config.save()
        self.config = self.open()

    def choose(self, now: float, text: str | None) -> str | None:
        self.now = now
        found, problem = self.config.choose("store.toml", text)
        assert (problem is None) == (found == text)
        return found


@pytest.fixture
def saved(tmp_path: Path) -> SavedConfig:
    found = SavedConfig(tmp_path)
    found.config.update("store.toml", STORE)
    return found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "is missing"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        (STORE.replace('currency = "GBP"\n', ""), "states currency"),
        (STORE.replace('item = "9.00"\n', ""), "states prices.item"),
        (STORE.replace("percent = 20\n", ""), "discounts.SPRING.percent"),
        (
            STORE.partition("last_day")[0],  # and it ends earlier
            "discounts.SPRING.last_day",
        ),
        (STORE.partition("[prices]")[0], "prices.item"),
        (STORE.partition("[prices]")[0], "and 1 more"),
    ],
)
def test_file_that_states_less_counts_after_the_grace(
    saved: SavedConfig,
    text: str | None,
    what: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, problem = saved.config.choose("store.toml", text)
    assert found == STORE
    assert problem is not None
    assert what in problem.what
    assert problem.what.endswith("; its last good version is used for 60 s")
    assert saved.choose(59.9, text) == STORE
    assert not caplog.records
    assert saved.choose(60, text) == text
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert what in record.getMessage()
    assert not saved.config.is_waiting
    if text is None:
        assert saved.config.text("store.toml") is None


def test_truncated_number_is_no_new_price() -> None:
    """`18.50` cut to `1` is a price, and a valid TOML file."""
    config = LastGoodConfig(grace_seconds=GRACE)
    text = '[prices]\nitem = "9"\nrelease = 18.50\n'
    config.update("store.toml", text)
    for cut in ("release = 1", "release = 18"):
        half = text.partition("release")[0] + cut
        found, problem = config.choose("store.toml", half)
        assert found == text
        assert problem is not None
        assert "ends earlier" in problem.what
    # A missing last line break changes nothing.
    assert config.choose("store.toml", text[:-1])[1] is None


@pytest.mark.parametrize(
    "text",
    [
        STORE.replace("9.00", "2.00"),
        STORE.replace('name = "N"\n', ""),
        STORE.replace("percent = 20", 'amount = "1"'),
        STORE + "[discounts.MORE]\npercent = 5\n",
        STORE.replace("\n", "\r\n"),
        "broken = ",
    ],
)
def test_changed_values_count_at_once(saved: SavedConfig, text: str) -> None:
    """An invalid file has a rule of its own."""
    assert saved.choose(0, text) == text
    assert not saved.config.is_waiting


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ('price = "7"', 'title = "T"', True),
        ('price = "7"', 'minimum = "5"', False),
        ('minimum = "5"\nsuggested = "8"', 'minimum = "5"', True),
        ('item_price = "7"', "", True),
        ("hidden = true", 'title = "T"', True),
        ("hidden = true", "hidden = false", False),
        ('id = "r"', 'title = "T"', True),
        ('[items."a.wav"]\nprice = "7"', '[items."a.wav"]', True),
        ('[items."a.wav"]\nid = "a"', '[items."b.wav"]\nid = "a"', True),
        ('title = "T"\ndate = "2026"', 'date = "2026"', False),
    ],
)
def test_prices_ids_and_withdrawals_of_a_release_wait_for_the_grace(
    before: str, after: str, *, waits: bool
) -> None:
    config = LastGoodConfig(grace_seconds=GRACE)
    config.update("R/release.toml", before)
    found, _ = config.choose("R/release.toml", after)
    assert found == (before if waits else after)
    assert config.is_waiting is waits


def test_complete_file_resets_the_grace(saved: SavedConfig) -> None:
    assert saved.choose(0, None) == STORE
    assert saved.choose(30, STORE) == STORE
    assert saved.choose(59, None) == STORE
    assert saved.choose(100, None) == STORE
    assert saved.choose(119, None) is None


def test_progress_of_an_upload_restarts_the_grace(saved: SavedConfig) -> None:
    half = STORE.partition("[prices]")[0]
    assert saved.choose(0, None) == STORE
    assert saved.choose(59, half) == STORE
    assert saved.choose(118, half) == STORE
    assert saved.choose(119, half) == half


def test_last_good_version_survives_a_restart(saved: SavedConfig) -> None:
    saved.config.update("Ünïcode\udcff/release.toml", "price = 7")
    saved.restart()
    assert saved.config.text("Ünïcode\udcff/release.toml") == "price = 7"
    assert saved.choose(1000, None) == STORE
    saved.restart()
    assert saved.choose(1001, None) == STORE
    assert saved.choose(1061, None) is None
    saved.restart()
    assert saved.choose(1062, None) is None


def test_missing_folder_is_dropped_after_the_grace(
    saved: SavedConfig,
) -> None:
    saved.config.update("R/release.toml", "price = 7")
    saved.config.retain({"store.toml"})
    saved.now = 59
    saved.config.retain({"store.toml"})
    assert saved.config.choose("R/release.toml", None)[0] == "price = 7"
    saved.now = 60
    saved.config.retain({"store.toml"})
    assert saved.config.text("R/release.toml") is None
    assert saved.config.text("store.toml") == STORE


@pytest.mark.parametrize("how", ["half", "bytes", "edited", "other", "list"])
def test_damaged_saved_configuration_is_ignored(
    saved: SavedConfig, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    saved.config.save()
    path = saved.folder / FILE_NAME
    data = path.read_bytes()
    whole = json.loads(data)
    path.write_bytes(
        {
            "half": data[: len(data) // 2],
            "bytes": b"\xff\x00",
            "edited": data.replace(b"9.00", b"0.01"),
            "other": json.dumps({**whole, "version": 99}).encode(),
            "list": b"[]",
        }[how]
    )
    saved.config = saved.open()
    assert saved.config.text("store.toml") is None
    assert "can't be used" in caplog.text
    saved.config.update("store.toml", STORE)
    saved.restart()
    assert saved.config.text("store.toml") == STORE


def test_failure_to_save_is_logged_once(
    saved: SavedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = saved.folder / "blocked"
    blocked.write_bytes(b"")
    config = LastGoodConfig(blocked / FILE_NAME, grace_seconds=GRACE)
    config.update("store.toml", STORE)
    config.save()
    config.save()
    assert caplog.text.count("can't save the last good") == 1
    assert config.choose("store.toml", None)[0] == STORE


def test_two_replicas_can_share_the_folder(saved: SavedConfig) -> None:
    """Each writes the whole file, atomically."""
    other = SavedConfig(saved.folder)
    saved.config.save()
    other.config.update("store.toml", STORE)
    other.config.update("R/release.toml", "price = 7")
    other.config.save()
    saved.config.save()
    saved.restart()
    assert saved.config.text("R/release.toml") == "price = 7"


def test_read_only_configuration_writes_nothing(saved: SavedConfig) -> None:
    """`check` runs once: it can't know how long a file was missing."""
    saved.config.save()
    before = (saved.folder / FILE_NAME).read_bytes()
    config = LastGoodConfig.open(
        saved.folder,
        grace_seconds=float("inf"),
        timer=lambda: 0.0,
        read_only=True,
    )
    found, problem = config.choose("store.toml", None)
    assert found == STORE
    assert problem is not None
    assert problem.what == "is missing; its last good version is used"
    config.update("store.toml", "name = 'O'")
    config.save()
    assert (saved.folder / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("number", ["9" * 5000, "1e99999999999999999999"])
def test_number_that_is_too_long_is_left_to_the_parser(
    saved: SavedConfig, number: str
) -> None:
    """An invalid file has a problem with a line, which is not said here."""
    text = f"contact = {number}\n{STORE}"
    assert saved.choose(0, text) == text
