"""Which files are complete, by what they say themselves."""

import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msrv.catalog.integrity.container import Container
from msrv.catalog.integrity.inspection import inspect_container
from tests.catalog import sample_files

SOUNDS = sorted(sample_files.SOUNDS)
FILMS = sorted(sample_files.FILMS)
# Cut among these bytes at its beginning, an MP3 has no frame that counts.
_MP3_BEGIN = 600


def look(data: bytes, name: str) -> Container | None:
    return inspect_container(io.BytesIO(data), os.path.splitext(name)[1])


def missing(data: bytes, name: str) -> str:
    found = look(data, name)
    return found.missing if found else "nothing that is known"


def cuts(size: int) -> list[int]:
    """Places all over a file, and each of the last and first bytes."""
    spread = {size * part // 200 for part in range(1, 200)}
    return sorted(spread | {*range(max(1, size - 80), size)} | {*range(1, 50)})


@pytest.mark.parametrize("name", SOUNDS)
def test_a_whole_sound_is_complete(
    sounds: dict[str, bytes], name: str
) -> None:
    """Or a good track could not be sold."""
    found = look(sounds[name], name)
    assert found
    assert found.missing == ""
    assert found.duration_seconds == pytest.approx(
        1 if name == "odd.wav" else 3, abs=0.1
    )
    assert found.media_type.startswith("audio/")


@pytest.mark.parametrize("name", FILMS)
def test_a_whole_film_is_complete(films: dict[str, bytes], name: str) -> None:
    """Or a good film could not be sold."""
    assert missing(films[name], name) == ""


@pytest.mark.parametrize(
    "name", [name for name in SOUNDS if name != "id3v1.mp3"]
)
def test_a_sound_that_is_cut_anywhere_is_not_complete(
    sounds: dict[str, bytes], name: str
) -> None:
    """Or half an upload would be sold as the whole track."""
    data = sounds[name]
    accepted = [at for at in cuts(len(data)) if not missing(data[:at], name)]
    assert accepted == []


@pytest.mark.parametrize("name", FILMS)
def test_a_film_that_is_cut_anywhere_is_not_complete(
    films: dict[str, bytes], name: str
) -> None:
    """Or half an upload would be sold as the whole film."""
    data = films[name]
    accepted = [at for at in cuts(len(data)) if not missing(data[:at], name)]
    assert accepted == []


def test_an_mp3_may_lack_what_is_behind_its_sound(
    sounds: dict[str, bytes],
) -> None:
    """Or a track whose old tag at the end was damaged could not be sold."""
    data = sounds["id3v1.mp3"]
    assert missing(data[:-60], "a.mp3") == ""
    assert missing(data[:-129], "a.mp3")


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_no_cut_of_any_length_is_complete(
    sounds: dict[str, bytes], draw: st.DataObject
) -> None:
    """Or some uploads that broke off would be sold."""
    name = draw.draw(
        st.sampled_from([name for name in SOUNDS if name != "id3v1.mp3"])
    )
    data = sounds[name]
    # FLAC can't tell each cut within its last frame: one in some sixty.
    most = 4096 if name.endswith(".flac") else 1
    at = draw.draw(st.integers(1, len(data) - most))
    assert missing(data[:at], name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", sample_files.archive()),
        ("comment.zip", sample_files.archive(comment=b"words " * 900)),
        ("book.epub", sample_files.book()),
        (
            "nested.zip",
            sample_files.archive(members={"b.zip": sample_files.archive()}),
        ),
        ("paper.pdf", sample_files.pdf()),
        ("web.pdf", sample_files.linearized()),
        ("a.7z", sample_files.seven_zip()),
    ],
)
def test_documents_and_archives_end_where_they_say(
    name: str, data: bytes
) -> None:
    """Or a book would be sold without its last pages."""
    assert missing(data, name) == ""
    # Nobody needs the line end behind %%EOF.
    last = 1 if name.endswith(".pdf") else 0
    accepted = [
        at for at in cuts(len(data) - last) if not missing(data[:at], name)
    ]
    assert accepted == []


def test_an_archive_in_an_archive_is_not_its_end() -> None:
    """Or what a cut leaves of a ZIP of ZIPs would pass for all of it."""
    inner = sample_files.archive()
    data = sample_files.stored({"first.zip": inner, "second.zip": inner})
    assert missing(data, "a.zip") == ""
    end_of_first = data.index(b"PK\5\6") + 22
    assert missing(data[:end_of_first], "a.zip")


def test_a_zip_of_any_number_of_members_is_complete() -> None:
    """Or a sample pack of many files could not be sold."""
    data = sample_files.archive_64()
    assert b"PK\6\6" in data
    assert missing(data, "a.zip") == ""
    assert missing(data[:-30], "a.zip")


def test_a_program_in_front_of_a_zip_is_no_fault() -> None:
    """Or an archive that unpacks itself could not be sold."""
    assert missing(b"MZ" + bytes(5000) + sample_files.archive(), "a.zip") == ""


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("wav", ()),
        ("aiff", ()),
        ("flac", ()),
        ("ogg", ("-c:a", "libvorbis")),
        ("mp3", ()),
        ("mp4", ("-movflags", "frag_keyframe+empty_moov")),
        ("matroska", ()),
        ("avi", ()),
    ],
)
def test_what_was_written_to_a_pipe_is_complete(
    ffmpeg: str, form: str, options: tuple[str, ...]
) -> None:
    """Or a file whose maker did not know its length could not be sold."""
    suffix = {"matroska": "mkv", "mp4": "m4a"}.get(form, form)
    data = sample_files.piped(ffmpeg, form, *options)
    assert missing(data, f"a.{suffix}") == ""


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF - 36])
def test_a_length_that_was_not_known_is_none(
    sounds: dict[str, bytes], size: int
) -> None:
    """Or a recording by arecord or SoX could not be sold."""
    data = bytearray(sounds["pcm.wav"])
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")
    assert missing(bytes(data), "a.wav") == ""


@pytest.mark.parametrize(
    "junk",
    [b"junk", bytes(3000), b"TAG" + bytes(125), b"<html>words</html>\n" * 40],
    ids=["word", "zeros", "ID3v1", "page"],
)
@pytest.mark.parametrize("name", [*SOUNDS, "p.pdf", "z.zip"])
def test_junk_behind_the_end_is_no_fault(
    sounds: dict[str, bytes], name: str, junk: bytes
) -> None:
    """Or what every player plays could not be sold."""
    made = {"p.pdf": sample_files.pdf(), "z.zip": sample_files.archive()}
    data = (sounds | made)[name]
    assert missing(data + junk, name) == ""


def test_a_byte_of_padding_may_be_missing(sounds: dict[str, bytes]) -> None:
    """Or a WAV of an odd number of bytes could not be sold."""
    data = sounds["odd.wav"]
    body = data.index(b"data") + 8
    size = int.from_bytes(data[body - 4 : body], "little")
    odd = bytearray(data[: body + size - 1 + size % 2])
    odd[body - 4 : body] = (len(odd) - body).to_bytes(4, "little")
    assert (len(odd) - body) % 2 == 1
    odd[4:8] = (len(odd) - 8 + 1).to_bytes(4, "little")
    assert missing(bytes(odd), "a.wav") == ""


def test_an_mp3_that_counts_nothing_is_complete(
    sounds: dict[str, bytes],
) -> None:
    """Or MP3s of older programs could not be sold."""
    data = sounds["cbr.mp3"]
    place = data.index(b"Info")
    data = data[:place] + b"\0\0\0\0" + data[place + 4 :]
    assert missing(data, "a.mp3") == ""


def test_an_mp3_is_complete_by_its_count_of_frames(
    sounds: dict[str, bytes],
) -> None:
    """Or one that states frames and no bytes could be cut anywhere."""
    data = bytearray(sounds["vbr.mp3"])
    place = data.index(b"Xing")
    frames = data[place + 8 : place + 12]
    data[place + 4 : place + 8] = b"\0\0\0\1"
    assert frames != bytes(4)
    assert missing(bytes(data), "a.mp3") == ""
    assert "frames" in missing(bytes(data[: len(data) // 2]), "a.mp3")


@pytest.mark.parametrize("flag", [b"VBRI"])
def test_an_mp3_of_fraunhofer_is_complete_by_its_bytes(
    sounds: dict[str, bytes], flag: bytes
) -> None:
    """Or half of one would be sold."""
    data = bytearray(sounds["cbr.mp3"])
    info = data.index(b"Info")
    start = data.rindex(b"\xff\xfb", 0, info)
    frames = data[info + 8 : info + 12]
    data[info : info + 12] = bytes(12)
    said = flag + bytes(6) + (len(data) - start).to_bytes(4) + frames
    data[start + 36 : start + 36 + len(said)] = said
    assert missing(bytes(data), "a.mp3") == ""
    assert missing(bytes(data[:-2000]), "a.mp3")


def test_aac_without_a_container_is_a_sound(ffmpeg: str) -> None:
    """Or what every player plays could not be sold."""
    data = sample_files.piped(ffmpeg, "adts", "-c:a", "aac")
    found = look(data, "a.m4a")
    assert found
    assert (found.media_type, found.missing) == ("audio/aac", "")
    assert look(b"\xff" * 3000, "a.m4a") is None


def test_a_pdf_may_begin_behind_junk() -> None:
    """Or half of one that was saved with a mail's header would be sold."""
    data = b"\r\n" * 20 + sample_files.pdf()
    assert missing(data, "a.pdf") == ""
    assert missing(data[:3000], "a.pdf")


def test_an_mp3_behind_junk_is_found(sounds: dict[str, bytes]) -> None:
    """Or what every player plays could not be sold."""
    junk = sounds["pcm.wav"][1000:201_000]
    found = look(junk + sounds["vbr.mp3"], "a.mp3")
    assert found
    assert found.media_type == "audio/mpeg"
    assert found.duration_seconds == pytest.approx(3, abs=0.1)
    assert missing(junk + sounds["vbr.mp3"][:-500], "a.mp3")


def test_a_flac_of_unknown_length_is_complete(
    sounds: dict[str, bytes],
) -> None:
    """Or what an encoder wrote to a pipe could not be sold."""
    data = bytearray(sounds["plain.flac"])
    data[8 + 13] &= 0xF0
    data[8 + 14 : 8 + 18] = bytes(4)
    found = look(bytes(data[: len(data) // 2]), "a.flac")
    assert found
    assert (found.missing, found.duration_seconds) == ("", None)


def test_a_flac_whose_last_part_is_zeros_is_not_complete(
    sounds: dict[str, bytes],
) -> None:
    """Or a download that took its place on the disk first would be sold."""
    data = sounds["plain.flac"]
    half = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    assert missing(half, "a.flac")


def test_a_broadcast_that_was_recorded_is_complete(
    sounds: dict[str, bytes],
) -> None:
    """Or a concert that was taken from a stream could not be sold."""
    pages = sample_files.pages(sounds["vorbis.ogg"])
    assert len(pages) > 4
    recorded = b"".join([*pages[:2], *pages[3:-1]])
    assert missing(recorded, "a.ogg") == ""
    assert missing(recorded[:-100], "a.ogg") == ""
    assert missing(b"".join(pages[:-1]), "a.ogg")


def test_songs_in_one_ogg_end_with_the_last(sounds: dict[str, bytes]) -> None:
    """Or a chained stream would count as complete after its first song."""
    data = sounds["vorbis.ogg"] + sounds["plain.opus"]
    assert missing(data, "a.ogg") == ""
    assert missing(data[:-5000], "a.ogg")


def test_an_m4a_whose_data_has_no_size_ends_where_its_index_says(
    sounds: dict[str, bytes],
) -> None:
    """Or one whose `mdat` goes on to the end could be cut anywhere."""
    data = bytearray(sounds["index-first.m4a"])
    at = data.index(b"mdat") - 4
    data[at : at + 4] = bytes(4)
    assert missing(bytes(data), "a.m4a") == ""
    assert missing(bytes(data[:-1]), "a.m4a")
    assert missing(bytes(data[: at + 9]), "a.m4a")


def test_an_m4a_with_sizes_of_64_bits_is_read(
    sounds: dict[str, bytes],
) -> None:
    """Or a recording of over 4 GiB could not be sold, or only half."""
    data = sounds["index-last.m4a"]
    at = data.index(b"mdat") - 4
    size = int.from_bytes(data[at : at + 4])
    wide = (
        data[:at] + b"\0\0\0\1mdat" + (size + 8).to_bytes(8) + data[at + 8 :]
    )
    assert missing(wide, "a.m4a") == ""
    assert missing(wide[: at + 300], "a.m4a")


@settings(max_examples=400)
@given(
    st.binary(max_size=400),
    st.sampled_from(
        [
            b"",
            b"RIFF\0\0\0\0WAVE",
            b"RF64\xff\xff\xff\xffWAVEds64",
            b"FORM\0\0\0\0AIFF",
            b"fLaC\0\0\0\x22",
            b"OggS\0\2",
            b"\0\0\0\x14ftypM4A ",
            b"\0\0\0\x10moov",
            b"ID3\4\0\0\0\0\0\0",
            b"ID3\4\0\0\x7f\x7f\x7f\x7f",
            b"PK\3\4",
            b"7z\xbc\xaf\x27\x1c",
            b"\x1a\x45\xdf\xa3",
            b"%PDF-1.4",
            b"\xff\xfb\x90\xc4",
        ]
    ),
    st.sampled_from([".mp3", ".wav", ".m4a", ".flac", ".zip", ".pdf", ".ogg"]),
)
def test_no_bytes_break_the_look(
    data: bytes, start: bytes, suffix: str
) -> None:
    """Or one damaged file could keep all others from sale."""
    found = inspect_container(io.BytesIO(start + data), suffix)
    assert found is None or isinstance(found.missing, str)


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads = 0
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.reads += 1
        self.bytes_read += len(data)
        return data


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".wav", b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 300_000),
        (".aiff", b"FORM\x7f\xff\xff\xffAIFF" + b"ANNO\0\0\0\0" * 300_000),
        (".flac", b"fLaC\0\0\0\x22" + b"\xff\xf8" * 1_500_000),
        (".flac", b"fLaC\0\0\0\x22" + b"\1\0\0\0" * 800_000),
        (".ogg", (b"OggS\0\2" + bytes(21)) * 100_000),
        (".m4a", b"\0\0\0\x08free" * 400_000),
        (
            ".m4a",
            b"\0\x2d\0\0moov" + b"\0\x2c\0\0trak\0\0\0\x08mdia" * 180_000,
        ),
        (".mp3", b"\xff\xfb\x90\xc4" * 800_000),
        (".mp3", b"\xff" * 3_000_000),
        (".mp3", b"ID3\4\0\0\0\0\0\0" * 300_000),
        (".zip", b"PK\5\6" * 800_000),
        (".pdf", b"%PDF-/Linearized" * 200_000),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else value,
)
def test_a_hostile_file_costs_little(suffix: str, data: bytes) -> None:
    """Or one upload could hold up the reading of a library."""
    file = Counted(data)
    inspect_container(file, suffix)
    assert file.reads < 200_000
    assert file.bytes_read < 8_000_000
