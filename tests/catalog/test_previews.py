"""Previews: a part of a track, made once, by a program kept on a lead."""

import asyncio
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from mutagen.id3 import APIC, ID3, TIT2
from mutagen.mp3 import MP3

from msrv.catalog.model import Item, Kind
from msrv.catalog.previews import (
    LONGEST_CLIP_SECONDS,
    Clip,
    NoPreview,
    Previews,
    find_ffmpeg,
)
from msrv.money import Money
from msrv.storage.model import Changed, Content, Gone
from tests.waiting import until

EUR = Money(100, "EUR")


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """Find the real program, or skip; fail where it must be there."""
    found = find_ffmpeg()
    if found is None:
        why = "needs an ffmpeg with libmp3lame"
        if "ffmpeg" in os.environ.get("MSRV_TEST_REQUIRE", ""):
            pytest.fail(why)
        pytest.skip(why)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    root.mkdir()
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "previews"


def run(ffmpeg: str, *arguments: str, form: str) -> bytes:
    """Give what ffmpeg makes; as a file, for some forms can't be a pipe."""
    with tempfile.NamedTemporaryFile() as made:
        subprocess.run(
            (
                *(ffmpeg, "-nostdin", "-v", "error", "-y"),
                *(*arguments, "-f", form, made.name),
            ),
            check=True,
            timeout=60,
        )
        return Path(made.name).read_bytes()


def tone(ffmpeg: str, seconds: float, form: str = "mp3") -> bytes:
    """Give a track, that many seconds of a tone."""
    return run(ffmpeg, "-f", "lavfi", "-i", f"sine=440:d={seconds}", form=form)


def put(
    root: Path, data: bytes, seconds: float | None, name: str = "track.mp3"
) -> Item:
    path = root / name
    path.write_bytes(data)
    status = path.stat()
    content = Content(
        path=name,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=hashlib.sha256(data).digest(),
        crc32=zlib.crc32(data),
        media_type="audio/mpeg",
    )
    return Item(
        item_id="track",
        release_id="release",
        kind=Kind.TRACK,
        title="Track",
        artist="Artist",
        price=EUR,
        content=content,
        duration_seconds=seconds,
    )


class Program:
    """A stand-in for ffmpeg, which notes each start in `starts`."""

    def __init__(self, folder: Path, does: str) -> None:
        self.path = folder / "ffmpeg"
        self.starts = folder / "starts"
        self.path.write_text(
            f"#!{sys.executable}\n"
            "import os, sys, time\n"
            f"with open({str(self.starts)!r}, 'a') as starts:\n"
            "    print(os.getpid(), file=starts)\n"
            f"{does}\n"
        )
        self.path.chmod(0o755)

    @property
    def pids(self) -> list[int]:
        if not self.starts.exists():
            return []
        return [int(pid) for pid in self.starts.read_text().split()]


SLEEPS = "time.sleep(60)"
SPEAKS = "os.write(1, bytes(200_000))"


def waits_for(gate: Path) -> str:
    return (
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n{SPEAKS}"
    )


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def sound(clip: Clip) -> Any:  # noqa: ANN401 - mutagen has no types
    return cast("Any", MP3)(clip.path).info


def inside(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def dressed(data: bytes, path: Path) -> bytes:
    """Give an MP3 with a title and a cover of three megabytes."""
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
async def test_a_preview_is_a_part_of_the_track(
    ffmpeg: str, root: Path, cache: Path, seconds: float, expected: float
) -> None:
    # Else the store gives away what it sells.
    item = put(root, tone(ffmpeg, seconds), seconds)
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
async def test_it_comes_and_goes_softly_from_a_quarter_in(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    # Else a preview is the silent beginning, or starts with a crack.
    sine = "aevalsrc='if(lt(t,10),0,0.5*sin(2764*t))':d=40"
    track = run(ffmpeg, "-f", "lavfi", "-i", sine, form="wav")
    clip = await Previews(ffmpeg, root, cache).clip(put(root, track, 40))
    plain = ("-ac", "1", "-ar", "8000")
    pcm = run(ffmpeg, "-i", f"file:{clip.path}", *plain, form="u8")

    def loudest(begin: float, end: float) -> int:
        part = pcm[int(begin * 8000) : int(end * 8000)]
        return max(abs(level - 128) for level in part)

    assert loudest(0, 0.1) < loudest(1, 2) / 2
    assert loudest(1, 2) > 40
    assert loudest(12, 13) > 40
    assert loudest(13.25, 13.33) < loudest(1, 2) / 2


@pytest.mark.ffmpeg
async def test_nothing_but_sound_is_in_it(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    # Else each preview carries a cover of megabytes and private notes; and
    # such tracks must not fail either.
    data = dressed(tone(ffmpeg, 20), root / "dressed.mp3")
    item = put(root, data, 20)
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
async def test_every_kind_of_track_has_one(
    ffmpeg: str, root: Path, cache: Path, form: str
) -> None:
    # Else buyers of some formats buy unheard.
    item = put(root, tone(ffmpeg, 12, form), 12)
    clip = await Previews(ffmpeg, root, cache).clip(item)
    assert 3.9 < sound(clip).length < 4.1


@pytest.mark.ffmpeg
async def test_an_mp4_with_its_index_at_the_end_has_one(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    # Else most of what a seller's own tools export can't be heard.
    data = tone(ffmpeg, 12, "mp4")
    assert data.index(b"mdat") < data.index(b"moov")
    clip = await Previews(ffmpeg, root, cache).clip(put(root, data, 12))
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
async def test_any_name_will_do(
    ffmpeg: str, root: Path, cache: Path, name: str
) -> None:
    # Else a track's name decides what a program of the seller's does.
    item = put(root, tone(ffmpeg, 6), 6, name)
    clip = await Previews(ffmpeg, root, cache).clip(item)
    assert 1.9 < sound(clip).length < 2.1
    assert len(inside(root)) == 1


@pytest.mark.ffmpeg
async def test_a_playlist_opens_no_other_file(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    # Else a file in the library could have the store read any of the
    # machine's to its visitors.
    other = root / "other.ts"
    other.write_bytes(tone(ffmpeg, 30, "mpegts"))
    playlist = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:30\n#EXTINF:30,\n"
        f"file:{other}\n#EXT-X-ENDLIST\n"
    )
    for data in (playlist, f"ffconcat version 1.0\nfile 'file:{other}'\n"):
        item = put(root, data.encode(), 30, "track.mp3")
        with pytest.raises(NoPreview):
            await Previews(ffmpeg, root, cache).clip(item)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "data", [b"", b"not sound at all" * 1000], ids=["empty", "text"]
)
async def test_a_broken_track_has_none(
    ffmpeg: str, root: Path, cache: Path, data: bytes
) -> None:
    # Else the page's player is given an empty file.
    with pytest.raises(NoPreview):
        await Previews(ffmpeg, root, cache).clip(put(root, data, 60))
    assert inside(cache) == []


@pytest.mark.ffmpeg
async def test_a_track_shorter_than_it_says_has_none(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    # Else the page's player is given an empty file.
    item = put(root, tone(ffmpeg, 10), 300)
    with pytest.raises(NoPreview):
        await Previews(ffmpeg, root, cache).clip(item)


@pytest.mark.ffmpeg
async def test_a_film_has_no_picture_in_its_preview(
    ffmpeg: str, root: Path, cache: Path
) -> None:
    # Else a preview is larger than the bound on it and is cut.
    moving = ("-f", "lavfi", "-i", "testsrc=d=12:s=64x64")
    film = run(
        ffmpeg, *moving, "-f", "lavfi", "-i", "sine=440:d=12", form="matroska"
    )
    clip = await Previews(ffmpeg, root, cache).clip(put(root, film, 12))
    assert 3.9 < sound(clip).length < 4.1


def test_no_ffmpeg_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else a machine without it, or with a poor one, offers what it can't do.
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg() is None
    Program(tmp_path, "print(' A....D libshine MP3')")
    assert find_ffmpeg() is None
    Program(tmp_path, "sys.exit(1)")
    assert find_ffmpeg() is None
    program = Program(tmp_path, "print(' A....D libmp3lame MP3')")
    assert find_ffmpeg() == str(program.path)


@pytest.mark.parametrize(
    "unlike",
    [
        {"kind": Kind.FILE},
        {"kind": Kind.RELEASE},
        {"hidden": True},
        {"duration_seconds": None},
        {"duration_seconds": 4.99},
        {"duration_seconds": float("nan")},
        {"duration_seconds": float("inf")},
    ],
    ids=str,
)
async def test_what_has_no_preview_is_not_offered_one(
    root: Path, cache: Path, tmp_path: Path, unlike: dict[str, object]
) -> None:
    # Else a page shows a player that plays nothing, or what is withdrawn.
    program = Program(tmp_path, SPEAKS)
    previews = Previews(str(program.path), root, cache)
    track = put(root, b"x", 5.0)
    assert previews.available
    assert previews.offered(track)
    other = replace(track, **unlike)  # type: ignore[arg-type] # any field
    assert not previews.offered(other)
    with pytest.raises(NoPreview):
        await previews.clip(other)
    assert program.pids == []


async def test_without_ffmpeg_nothing_is_offered(
    root: Path, cache: Path
) -> None:
    # Else a store without it shows players that play nothing.
    previews = Previews(None, root, cache)
    track = put(root, b"x", 5.0)
    assert not previews.available
    assert not previews.offered(track)
    with pytest.raises(NoPreview):
        await previews.clip(track)


async def test_kept_from_start_to_start(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else every listener waits for ffmpeg, and it runs all day.
    program = Program(tmp_path, SPEAKS)
    previews = Previews(str(program.path), root, cache)
    track = put(root, b"x", 30)
    clip = await previews.clip(track)
    assert inside(cache) == [clip.path.name]
    assert await previews.clip(track) is clip
    restarted = Previews(str(program.path), root, cache)
    assert await restarted.clip(track) == clip
    assert len(program.pids) == 1
    # An emptied cache is filled again.
    shutil.rmtree(cache)
    assert await previews.clip(track) == clip
    assert clip.path.exists()
    assert len(program.pids) == 2


async def test_one_run_for_all_who_ask(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else a new single's listeners start a hundred programs at once, and
    # one who closes the page stops the preview of all the others.
    gate = tmp_path / "gate"
    program = Program(tmp_path, waits_for(gate))
    previews = Previews(str(program.path), root, cache)
    track = put(root, b"x", 30)
    asked = [asyncio.create_task(previews.clip(track)) for _ in range(10)]
    await until(lambda: len(program.pids) == 1)
    asked[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    gate.touch()
    clips = await asyncio.gather(*asked[1:])
    assert len({id(clip) for clip in clips}) == 1
    assert len(program.pids) == 1


async def test_one_program_at_a_time(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else an album's page takes every processor from the downloads.
    gate = tmp_path / "gate"
    program = Program(tmp_path, waits_for(gate))
    previews = Previews(str(program.path), root, cache)
    tracks = [put(root, bytes([n]), 30, f"{n}.mp3") for n in range(3)]
    asked = [asyncio.create_task(previews.clip(track)) for track in tracks]
    await until(lambda: len(program.pids) == 1)
    # All three had their chance to start: each has checked its cache.
    await until(lambda: len(previews._turn._waiters or ()) == 2)
    assert len(program.pids) == 1
    gate.touch()
    await asyncio.gather(*asked)
    assert len(program.pids) == 3


async def test_a_program_that_hangs_is_ended(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else one bad track stops all previews, until someone restarts.
    program = Program(tmp_path, SLEEPS)
    previews = Previews(str(program.path), root, cache, timeout_seconds=2)
    with pytest.raises(NoPreview):
        await previews.clip(put(root, b"x", 30))
    assert len(program.pids) == 1
    assert not runs(program.pids[0])


async def test_closing_ends_the_program(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else a stopped store leaves ffmpeg behind, or waits for it.
    program = Program(tmp_path, SLEEPS)
    previews = Previews(str(program.path), root, cache)
    asked = asyncio.create_task(previews.clip(put(root, b"x", 30)))
    await until(lambda: len(program.pids) == 1)
    await previews.aclose()
    assert not runs(program.pids[0])
    with pytest.raises(NoPreview):
        await asked


@pytest.mark.parametrize(
    "does",
    [
        "os.write(2, b'broken'); sys.exit(1)",
        "os.write(1, bytes(100))",
        f"{SPEAKS}; sys.exit(1)",
        "os.write(2, bytes(5_000_000)); sys.exit(1)",
    ],
)
async def test_a_failure_is_remembered_for_a_while(
    root: Path,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    does: str,
) -> None:
    # Else each visit to a page with a broken track starts ffmpeg again.
    seconds = [1000.0]
    program = Program(tmp_path, does)
    previews = Previews(
        str(program.path), root, cache, clock=lambda: seconds[0]
    )
    track = put(root, b"x", 30)
    for _ in range(3):
        with pytest.raises(NoPreview):
            await previews.clip(track)
    assert len(program.pids) == 1
    assert len(caplog.records) == 1
    assert len(caplog.text) < 10_000
    seconds[0] += 601
    Program(tmp_path, SPEAKS)
    assert (await previews.clip(track)).size_bytes == 200_000


async def test_a_program_that_cannot_start_is_no_preview(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else removing ffmpeg under a running store is a page of errors.
    previews = Previews(str(tmp_path / "gone"), root, cache)
    with pytest.raises(NoPreview):
        await previews.clip(put(root, b"x", 30))


async def test_only_what_was_hashed_is_played(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else a file swapped in is cached for good under the other's name; and
    # one that comes back must be playable at once.
    program = Program(tmp_path, SPEAKS)
    previews = Previews(str(program.path), root, cache)
    track = put(root, b"x", 30)
    path = root / "track.mp3"
    path.write_bytes(b"another")
    with pytest.raises(NoPreview) as caught:
        await previews.clip(track)
    assert isinstance(caught.value.__cause__, Changed)
    path.unlink()
    with pytest.raises(NoPreview) as caught:
        await previews.clip(track)
    assert isinstance(caught.value.__cause__, Gone)
    assert program.pids == []
    path.write_bytes(b"x")
    then = track.content.mtime_ns
    os.utime(path, ns=(then, then))
    assert await previews.clip(track)


async def test_a_full_disk_is_no_preview(
    root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Else half a clip is kept for good, or a full disk is a page of errors.
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    program = Program(tmp_path, SPEAKS)
    previews = Previews(str(program.path), root, cache)
    with pytest.raises(NoPreview):
        await previews.clip(put(root, b"x", 30))
    assert os.strerror(errno.ENOSPC) in caplog.text
    assert inside(cache) == []


async def test_memory_is_bounded(
    root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else a store that runs for a year grows with all it ever played.
    monkeypatch.setattr("msrv.catalog.previews._REMEMBERED", 2)
    program = Program(tmp_path, SPEAKS)
    previews = Previews(str(program.path), root, cache)
    for n in range(4):
        await previews.clip(put(root, bytes([n]), 30))
    assert len(previews._known) == 2
