# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Previews: a part of a track, and only its sound."""

import hashlib
import re
from pathlib import Path
from typing import Any, cast

import pytest
from mutagen.id3 import APIC, ID3, TIT2

from msrv.catalog.previews import LONGEST_CLIP_SECONDS, NoPreview, Previews
from msrv.catalog.sound.loudness import TARGET_LUFS
from tests.catalog.encodings import probes
from tests.catalog.ffmpeg_tools import (
    add_track,
    names_in,
    run_ffmpeg,
    sound,
    tone,
)


def dressed(data: bytes, path: Path) -> bytes:
    """Return an MP3 with a title and a cover of three megabytes."""
    path.write_bytes(data)
    cover = b"\xff\xd8\xff" + b"x" * 3_000_000
    tags = cast("Any", ID3)()
    tags.add(cast("Any", TIT2)(encoding=0, text="a private note"))
    tags.add(cast("Any", APIC)(mime="image/jpeg", type=3, data=cover))
    tags.save(path)
    return path.read_bytes()


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("seconds", "expected"), [(5, 5 / 3), (30, 10), (120, 30)]
)
async def test_preview_is_a_third_of_the_track_at_most(
    ffmpeg: str, root: Path, cache: Path, seconds: float, expected: float
) -> None:
    item = add_track(root, tone(ffmpeg, seconds), seconds)
    clip = await Previews(ffmpeg, root, cache).clip(item)
    made = sound(clip)
    assert expected - 0.1 < made.length < expected + 0.1
    assert made.length < LONGEST_CLIP_SECONDS + 0.1
    assert made.channels == 2
    assert made.bitrate == 96_000
    data = clip.path.read_bytes()
    assert clip.size_bytes == len(data)
    assert clip.etag == f'"{hashlib.sha256(data).hexdigest()[:32]}"'


@pytest.mark.ffmpeg
async def test_preview_starts_at_a_quarter_and_has_fades(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    sine = "aevalsrc='if(lt(t,10),0,0.5*sin(2764*t))':d=40"
    track = run_ffmpeg(ffmpeg, "-f", "lavfi", "-i", sine, form="wav")
    clip = await Previews(ffmpeg, root, cache).clip(add_track(root, track, 40))
    plain = ("-ac", "1", "-ar", "8000")
    pcm = run_ffmpeg(ffmpeg, "-i", f"file:{clip.path}", *plain, form="u8")

    def loudest(begin: float, end: float) -> int:
        part = pcm[int(begin * 8000) : int(end * 8000)]
        return max(abs(level - 128) for level in part)

    assert loudest(0, 0.1) < loudest(1, 2) / 2
    assert loudest(1, 2) > 10
    assert loudest(12, 13) > 10
    assert loudest(13.25, 13.33) < loudest(1, 2) / 2


@pytest.mark.ffmpeg
async def test_waveform_is_that_of_the_clip_and_cached(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    sine = "aevalsrc='0.5*sin(2764*t)*lt(t,15)':d=40"
    track = run_ffmpeg(ffmpeg, "-f", "lavfi", "-i", sine, form="wav")
    item = add_track(root, track, 40)
    previews = Previews(ffmpeg, root, cache)
    svg = await previews.waveform(item)
    # The clip starts at 10 seconds, and has 13.3, of which 5 are loud.
    points = re.findall(r"([0-9]+) ([0-9]+)", svg.decode("ascii"))
    height = {int(x): 100 - int(y) for x, y in points if int(y) < 100}
    assert height[60] > 90
    assert height[180] < 10
    # Both are made again where one of them is lost.
    first, second = names_in(cache)
    for lost in (first, second):
        (cache / lost).unlink()
        again = Previews(ffmpeg, root, cache)
        assert await again.waveform(item) == svg
        assert len(names_in(cache)) == 2
    silent = run_ffmpeg(
        ffmpeg, "-f", "lavfi", "-i", "anullsrc=d=40", form="wav"
    )
    other = add_track(root, silent, 40, "silent.wav")
    assert await previews.waveform(other) == b""


@pytest.mark.ffmpeg
async def test_previews_of_different_tracks_have_one_level(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    previews = Previews(ffmpeg, root, cache)
    levels = []
    for volume in ("0.9", "0.05"):
        sine = f"aevalsrc='{volume}*sin(2764*t)':d=30"
        data = run_ffmpeg(ffmpeg, "-f", "lavfi", "-i", sine, form="wav")
        item = add_track(root, data, 30, f"{volume}.wav")
        clip = await previews.clip(item)
        levels.append(probes.loudness(ffmpeg, clip.path))
    assert levels[0] == pytest.approx(levels[1], abs=0.5)
    # Both fades are in it.
    assert levels[0] == pytest.approx(TARGET_LUFS, abs=1)


@pytest.mark.ffmpeg
async def test_preview_has_no_tags_and_no_pictures(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    data = dressed(tone(ffmpeg, 20), root / "dressed.mp3")
    item = add_track(root, data, 20)
    clip = await Previews(ffmpeg, root, cache).clip(item)
    assert 6.6 < sound(clip).length < 6.8
    assert clip.size_bytes < 100_000
    made = clip.path.read_bytes()
    for leftover in (b"ID3", b"TAG", b"APETAGEX", b"private"):
        assert leftover not in made


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "form", ["mp3", "flac", "wav", "aiff", "ogg", "opus", "mp4", "wv", "adts"]
)
async def test_every_track_format_has_a_preview(
    ffmpeg: str, root: Path, cache: Path, form: str
) -> None:
    item = add_track(root, tone(ffmpeg, 12, form), 12)
    clip = await Previews(ffmpeg, root, cache).clip(item)
    assert 3.9 < sound(clip).length < 4.1


@pytest.mark.ffmpeg
async def test_mp4_with_its_index_at_the_end_has_a_preview(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    data = tone(ffmpeg, 12, "mp4")
    assert data.index(b"mdat") < data.index(b"moov")
    clip = await Previews(ffmpeg, root, cache).clip(add_track(root, data, 12))
    assert 3.9 < sound(clip).length < 4.1


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "name",
    [
        'it\'s "the" one.mp3',
        "two\nlines.mp3",
        "-y.mp3",
        "-",
        "%d %03d.mp3",
        "concat:a|b.mp3",
        "http:--host.mp3",
        "\N{PARTY POPPER} café.mp3",
        "\udcff\udcfe.mp3",
        "$(touch x);`touch y`.mp3",
        "no ending",
        "song.jpg",
    ],
)
async def test_name_of_a_track_is_never_an_option_of_ffmpeg(
    ffmpeg: str, root: Path, cache: Path, name: str
) -> None:
    item = add_track(root, tone(ffmpeg, 6), 6, name)
    clip = await Previews(ffmpeg, root, cache).clip(item)
    assert 1.9 < sound(clip).length < 2.1
    assert len(names_in(root)) == 1


@pytest.mark.ffmpeg
async def test_playlist_opens_no_other_file(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    other = root / "other.ts"
    other.write_bytes(tone(ffmpeg, 30, "mpegts"))
    playlist = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:30\n#EXTINF:30,\n"
        f"file:{other}\n#EXT-X-ENDLIST\n"
    )
    for data in (playlist, f"ffconcat version 1.0\nfile 'file:{other}'\n"):
        item = add_track(root, data.encode(), 30, "track.mp3")
        with pytest.raises(NoPreview):
            await Previews(ffmpeg, root, cache).clip(item)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "data", [b"", b"not sound at all" * 1000], ids=["empty", "text"]
)
async def test_broken_track_has_no_preview(
    ffmpeg: str, root: Path, cache: Path, data: bytes
) -> None:
    with pytest.raises(NoPreview):
        await Previews(ffmpeg, root, cache).clip(add_track(root, data, 60))
    assert names_in(cache) == []


@pytest.mark.ffmpeg
async def test_track_shorter_than_its_tags_state_has_no_preview(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    item = add_track(root, tone(ffmpeg, 10), 300)
    with pytest.raises(NoPreview):
        await Previews(ffmpeg, root, cache).clip(item)


@pytest.mark.ffmpeg
async def test_preview_of_a_film_has_no_video(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    moving = ("-f", "lavfi", "-i", "testsrc=d=12:s=64x64")
    film = run_ffmpeg(
        ffmpeg, *moving, "-f", "lavfi", "-i", "sine=440:d=12", form="matroska"
    )
    clip = await Previews(ffmpeg, root, cache).clip(add_track(root, film, 12))
    assert 3.9 < sound(clip).length < 4.1
