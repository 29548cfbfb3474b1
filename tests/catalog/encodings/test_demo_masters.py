# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A master of the demo in every format, read by other programs.

Music, at an unusual rate: what tones can't show.
"""

import shutil
from pathlib import Path

import mutagen
import pytest

from msrv.catalog.encodings.recipes import RECIPES
from msrv.catalog.metadata.audio_pictures import read_picture
from msrv.settings import DEMO_LIBRARY
from tests.catalog.encodings import probes
from tests.catalog.encodings.masters import (
    ALL,
    EncodedLibrary,
    wait_until_encoded,
    write_store,
)

_FRAME_SAMPLES = 1152
_LOUDNESS_UNITS = 0.25
"""Half of what buyers are promised."""


async def test_demo_master_sounds_the_same_in_every_format(
    ffmpeg: str, tmp_path: Path
) -> None:
    root = tmp_path / "library"
    write_store(root, *ALL)
    master = next(DEMO_LIBRARY.glob("*/*.flac"))
    folder = root / "Demo"
    folder.mkdir()
    for path in (master, *master.parent.glob("cover.*")):
        shutil.copy(path, folder)
    library = EncodedLibrary(
        ffmpeg, root, tmp_path / "data", tmp_path / "encodings"
    )
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        (release,) = catalog.current.releases
        (item,) = release.items
        found = {
            each.name: library.encodings / each.content.path
            for each in worker.formats.of_item(release, item)[1:]
        }
    assert set(found) == set(RECIPES) - {"flac"}
    loudness = probes.loudness(ffmpeg, master)
    seconds = float(probes.probe(master)["format"]["duration"])
    for name, path in found.items():
        probed = probes.probe(path)
        stream = probed["streams"][0]
        rate = int(stream["sample_rate"])
        length = probes.decoded_samples(ffmpeg, path) / rate
        assert length == pytest.approx(seconds, abs=_FRAME_SAMPLES / rate), (
            name
        )
        assert probes.loudness(ffmpeg, path) == pytest.approx(
            loudness, abs=_LOUDNESS_UNITS
        ), name
        assert probed["tags"]["title"] == item.title, name
        assert probed["tags"]["artist"] == item.artist, name
        tags = mutagen.File(path, easy=True).tags
        assert item.title in str(tags), name
        with path.open("rb") as file:
            assert read_picture(file).startswith(b"\xff\xd8\xff"), name
        if name == "mp3-320":
            assert int(stream["bit_rate"]) == 320_000
