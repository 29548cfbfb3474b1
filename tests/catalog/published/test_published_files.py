# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a published library in a bucket that doesn't answer."""

import asyncio
import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from msrv.catalog.covers import Covers
from msrv.catalog.model import Cover
from msrv.catalog.published import published_files
from msrv.catalog.published.layout import Blob
from msrv.catalog.published.preparation import TEXTS, WAVEFORMS
from msrv.catalog.published.published_files import (
    PublishedAnalyses,
    PublishedFiles,
    PublishedStorage,
    PublishedTexts,
)
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.catalog.sound.clip_files import save_clip
from msrv.catalog.sound.waveform import PEAKS
from msrv.catalog.texts.release_texts import TextsUnreadable
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketUnavailable
from msrv.web.shop.browsing.waveforms import draw_analysis
from tests.catalog import shared_parser
from tests.catalog.sample_release import RELEASE
from tests.downloads.contents import known
from tests.polling import wait_until

DATA = msgspec.msgpack.encode({})
ANALYSIS = SoundAnalysis(None, bytes([9]) * PEAKS).to_json()
TEXT = TEXTS + RELEASE.release_id


class SlowBucket:
    """Bucket that is silent until it is told to answer."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.reads = 0
        self.data = DATA

    def read_blocking(self, key: str, *, max_bytes: int) -> Any:  # noqa: ANN401 - an object
        """Return `data`, or fail after a while."""
        assert key
        assert max_bytes
        self.reads += 1
        if not self.answers.wait(30):
            raise BucketUnavailable("it is silent")
        return type("Found", (), {"data": self.data})


@pytest.fixture
def bucket() -> Iterator[SlowBucket]:
    made = SlowBucket()
    yield made
    made.answers.set()


@pytest.fixture
def files(bucket: SlowBucket) -> PublishedFiles:
    """Forty covers, and the texts of a release."""
    found = PublishedFiles(cast("Bucket", bucket))
    blob = Blob(hashlib.sha256(DATA).digest(), len(DATA))
    names = [TEXT, *(f"cover-{number}" for number in range(40))]
    found.files = dict.fromkeys(names, blob)
    return found


async def test_silent_bucket_holds_up_neither_pages_nor_other_threads(
    files: PublishedFiles, bucket: SlowBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_files, "_TEXT_SECONDS", 0.05)
    covers = [
        asyncio.create_task(files.fetch(name))
        for name in files.files
        if name != TEXT
    ]
    await asyncio.sleep(0)
    texts = PublishedTexts(files)
    async with asyncio.timeout(10):
        await asyncio.to_thread(lambda: None)
        for _ in range(3):
            with pytest.raises(TextsUnreadable):
                await texts.of(RELEASE)
    assert bucket.reads < len(covers), "a few at once"
    bucket.answers.set()
    assert await asyncio.gather(*covers) == [DATA] * len(covers)


async def test_silent_bucket_holds_up_only_its_own_waveforms(
    files: PublishedFiles, bucket: SlowBucket, tmp_path: Path
) -> None:
    """Anybody can request forty at once."""
    masters = [f"{number:064x}" for number in range(40)]
    blob = Blob(hashlib.sha256(ANALYSIS).digest(), len(ANALYSIS))
    files.files = {
        f"{WAVEFORMS}{master}-{'0' * 16}-{'1' * 16}.json": blob
        for master in masters
    }
    bucket.data = ANALYSIS
    analyses = PublishedAnalyses(tmp_path / "waveforms", files)
    analyses.load()
    drawn = [
        asyncio.create_task(draw_analysis(analyses, master))
        for master in masters
    ]
    await wait_until(lambda: bucket.reads > 0)
    async with asyncio.timeout(10):
        await asyncio.to_thread(lambda: None)
    assert 0 < bucket.reads < len(masters), "a few at once"
    bucket.answers.set()
    assert all(
        each.startswith(b"<svg") for each in await asyncio.gather(*drawn)
    )
    # Each is in the folder now.
    reads = bucket.reads
    assert await draw_analysis(analyses, masters[0]) == drawn[0].result()
    assert bucket.reads == reads == len(masters)


async def test_texts_are_fetched_once_and_again_after_a_failure(
    files: PublishedFiles, bucket: SlowBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_files, "_TEXT_SECONDS", 0.05)
    texts = PublishedTexts(files)
    with pytest.raises(TextsUnreadable):
        await texts.of(RELEASE)
    bucket.answers.set()
    with pytest.raises(TextsUnreadable):
        await texts.of(RELEASE)
    assert bucket.reads == 1
    monkeypatch.setattr(published_files, "_TEXT_SECONDS", 10)
    monkeypatch.setattr(texts, "_away_until", 0.0)
    for _ in range(3):
        assert await texts.of(RELEASE) == {}
    assert bucket.reads == 2


async def test_cache_leaves_space_for_sales(
    files: PublishedFiles,
    bucket: SlowBucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Copies of what the bucket has are still displayed, but not kept."""
    bucket.answers.set()
    free = 100
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, free=free)
    )
    covers = Covers(
        PublishedStorage(),
        tmp_path / "covers",
        shared_parser.shared(),
        files.fetch,
    )
    names = []
    for number in (1, 2):
        content = replace(known(b"picture"), sha256=bytes([number]) * 32)
        name = f"covers/{content.sha256.hex()}-160-2"
        files.files = {name: files.files[TEXT]} | dict(files.files)
        image = await covers.image(Cover(content, 160, 160, "#000000"), 160)
        assert image.data == DATA
        names.append(name.removeprefix("covers/"))
        free = 99
    assert [each.name for each in (tmp_path / "covers").iterdir()] == names[:1]
    save_clip(tmp_path / "kept.mp3", b"clip", b"", is_copy=False)
    with pytest.raises(OSError, match="almost full"):
        save_clip(tmp_path / "copy.mp3", b"clip", b"", is_copy=True)
