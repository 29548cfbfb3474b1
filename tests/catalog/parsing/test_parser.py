# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The parser, its process, and the validation of replies."""

import io
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from msrv.catalog.metadata.cover_images import NotAPicture
from msrv.catalog.metadata.tags import NotAudio, Tags
from msrv.catalog.parsing.errors import (
    ParserClosed,
    ParserCrashed,
    ParserUnavailable,
)
from msrv.catalog.parsing.parser import Parser
from tests.catalog import shared_parser
from tests.catalog.cover_pictures import encode
from tests.catalog.parsing import hostile_parser
from tests.catalog.parsing.hostile_parser import process_id, run_code
from tests.catalog.temporary_library import WAV_SOUND, tagged_wav


def put(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def test_tags_are_those_of_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, tagged_wav(title="One", artist="Ann", number="3/9"))
    with path.open("rb") as file:
        tags = shared_parser.shared().tags(file, "track.wav", b"1")
        assert tags == Tags(
            "One", "Ann", number=3, duration_seconds=0.5, **WAV_SOUND
        )
        # Wherever the store has left the file.
        file.seek(20)
        assert shared_parser.shared().tags(file, "track.wav", b"1") == tags
        with pytest.raises(NotAudio):
            shared_parser.shared().tags(file, "track.flac", b"2")


def test_pictures_are_measured_and_reduced(tmp_path: Path) -> None:
    path = put(tmp_path, encode(Image.new("RGB", (300, 200), (200, 20, 30))))
    with path.open("rb") as file:
        facts = shared_parser.shared().measure(file, b"3")
        assert (facts.width, facts.height) == (300, 200)
        data = shared_parser.shared().shrink(file, 160, b"3")
    assert Image.open(io.BytesIO(data)).size == (160, 107)
    path.write_bytes(b"no picture")
    with path.open("rb") as file, pytest.raises(NotAPicture):
        shared_parser.shared().measure(file, b"4")


def test_pages_of_a_document_are_counted(tmp_path: Path) -> None:
    pages = [Image.new("L", (8, 8)) for _ in range(3)]
    path = tmp_path / "file"
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:])
    with path.open("rb") as file:
        assert shared_parser.shared().page_count(file, b"5") == 3
    path.write_bytes(b"%PDF-1.4\n%%EOF\n")
    with path.open("rb") as file:
        assert shared_parser.shared().page_count(file, b"6") is None


@pytest.mark.parametrize(
    "answer",
    [
        ({},),
        ({"tags": None},),
        ({"tags": []},),
        ({"tags": {"title": 5}},),
        ({"tags": {"title": ["a"]}},),
        ({"tags": {"title": "a\x1b[2J"}},),
        ({"tags": {"title": "a\nb"}},),
        ({"tags": {"title": "a" * 100_000}},),
        ({"tags": {"number": True}},),
        ({"tags": {"number": 1e300}},),
        ({"tags": {"number": 10**30}},),
        ({"tags": {"duration_seconds": float("nan")}},),
        ({"tags": {"duration_seconds": float("inf")}},),
        ({"tags": {"duration_seconds": 1.8e16}},),
        ({"tags": {"price": "0"}},),
        ({"tags": {"title": "a" * 300_000}},),
        ({"tags": {"title": "a"}}, bytes(9 << 20)),
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_invalid_tags_in_a_reply_are_a_crash(
    answer: tuple[object, ...],
) -> None:
    with hostile_parser.create() as parser:
        code = f"nan, inf = float('nan'), float('inf'); answer = {answer!r}"
        with pytest.raises(ParserCrashed, match="send an invalid reply"):
            run_code(parser, code)
        assert run_code(parser, "said = 1") == "1"


@pytest.mark.parametrize(
    "picture",
    [
        {"width": 0, "height": 1, "colour": "#000000"},
        {"width": 1, "height": 10**9, "colour": "#000000"},
        {"width": 1, "height": 1, "colour": "red;}body{"},
        {"width": 1, "height": 1, "colour": "#000000", "more": 1},
    ],
    ids=str,
)
def test_invalid_image_facts_in_a_reply_are_a_crash(
    tmp_path: Path, picture: dict[str, object]
) -> None:
    path = put(tmp_path, f"answer = ({{'picture': {picture}}},)".encode())
    with (
        hostile_parser.create() as parser,
        path.open("rb") as file,
        pytest.raises(ParserCrashed),
    ):
        parser.measure(file, b"1")


def test_reduced_copy_that_is_not_webp_is_a_crash(tmp_path: Path) -> None:
    path = put(tmp_path, b"answer = ({}, b'<script>alert(1)</script>')")
    with (
        hostile_parser.create() as parser,
        path.open("rb") as file,
        pytest.raises(ParserCrashed),
    ):
        parser.shrink(file, 160, b"1")


@pytest.mark.parametrize(
    "data",
    [
        b"junk that is no frame at all",
        b"\xff" * 8,
        b'\0\0\0\5\0\0\0\0{"a"',
        b"\0\0\0\2\0\0\0\0[]",
        b"\0\0\0\2\0\0\0\0{}more",
        b"\0\1\0\0\0\0\0\0" + b"[" * 65536,
    ],
)
def test_invalid_message_is_a_crash(data: bytes) -> None:
    code = (
        "import gc, os, socket\n"
        "for each in gc.get_objects():\n"
        "    if isinstance(each, socket.socket):\n"
        f"        each.sendall({data!r})\n"
        "os._exit(0)\n"
    )
    with hostile_parser.create() as parser:
        with pytest.raises(ParserCrashed):
            run_code(parser, code)
        assert run_code(parser, "said = 1") == "1"


def test_descriptor_sent_with_a_reply_is_closed() -> None:
    code = (
        "import gc, os, socket\n"
        "for each in gc.get_objects():\n"
        "    if isinstance(each, socket.socket):\n"
        '        said = b\'{"tags": {"title": "sent"}}\'\n'
        "        head = len(said).to_bytes(4, 'big') + bytes(4)\n"
        "        socket.send_fds(each, [head + said], [1])\n"
        "        os._exit(0)\n"
    )
    with hostile_parser.create() as parser:
        run_code(parser, "said = 1")
        before = len(list(Path("/dev/fd").iterdir()))
        for number in range(3):
            assert run_code(parser, f"# {number}\n{code}") == "sent"
            run_code(parser, "said = 1")
        assert len(list(Path("/dev/fd").iterdir())) == before


def test_failed_start_is_not_repeated_for_each_file(
    tmp_path: Path,
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho x >> {tmp_path}/starts\nexit 1\n")
    program.chmod(0o755)
    with Parser(command=(str(program),)) as parser:
        for _ in range(5):
            with pytest.raises(ParserUnavailable):
                parser.start()
    assert (tmp_path / "starts").read_text() == "x\n"


def test_process_that_keeps_exiting_is_a_crash() -> None:
    with (
        hostile_parser.create() as parser,
        pytest.raises(ParserCrashed),
    ):
        run_code(parser, "import os; os._exit(0)")


def test_idle_process_exits_and_is_started_again() -> None:
    with hostile_parser.create(None, "IDLE_SECONDS=0.2") as parser:
        assert run_code(parser, "said = 1") == "1"
        assert parser._process is not None
        first = parser._process.process
        first.wait(60)
        assert run_code(parser, "said = 1") == "1"
        assert process_id(parser) != first.pid


def test_closing_kills_the_process_while_it_parses(tmp_path: Path) -> None:
    found: list[type[BaseException]] = []

    def ask() -> None:
        try:
            run_code(parser, "import time; time.sleep(3600)")
        except ParserClosed as error:
            found.append(type(error))

    with hostile_parser.create(tmp_path) as parser:
        parser.start()
        helper = process_id(parser)
        asking = threading.Thread(target=ask)
        asking.start()
        while parser._marks._in_progress is None or (
            not parser._marks._in_progress[:].strip()
        ):
            time.sleep(0.01)
    asking.join(60)
    assert found == [ParserClosed]
    assert hostile_parser.has_ended(helper)
    assert list((tmp_path / "parsing").iterdir()) == []
    with pytest.raises(ParserClosed):
        run_code(parser, "said = 1")


def test_failed_start_is_reported_with_its_reason() -> None:
    for parser, reason in (
        (Parser(command=("/nowhere/python",)), "No such file"),
        (
            hostile_parser.create(None, "no such limit"),
            "ValueError",
        ),
    ):
        with parser, pytest.raises(ParserUnavailable, match=reason):
            parser.start()


def test_each_thread_gets_its_own_reply() -> None:
    with hostile_parser.create() as parser:
        found: dict[int, str] = {}

        def ask(number: int) -> None:
            for turn in range(20):
                said = run_code(parser, f"said = {number * 100 + turn}")
                found[number * 100 + turn] = said

        threads = [
            threading.Thread(target=ask, args=(number,)) for number in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
    assert len(found) == 80
    assert all(said == str(number) for number, said in found.items())


def test_no_descriptor_is_leaked(tmp_path: Path) -> None:
    path = put(tmp_path, tagged_wav(title="One"))
    with Parser() as parser, path.open("rb") as file:
        parser.tags(file, "a.wav", b"1")
        before = len(list(Path("/dev/fd").iterdir()))
        for _ in range(100):  # more than the process itself may have open
            parser.tags(file, "a.wav", b"1")
        assert len(list(Path("/dev/fd").iterdir())) == before
