# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parser of untrusted files, in a separate process without secrets."""

import asyncio
import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeVar

from msrv.catalog.metadata.cover_images import (
    ImageFacts,
    NotAPicture,
    PictureFormat,
)
from msrv.catalog.metadata.tags import NotAudio, Tags
from msrv.catalog.parsing.confinement import python_command
from msrv.catalog.parsing.crash_marks import FOLDER_NAME, CrashMark, CrashMarks
from msrv.catalog.parsing.errors import (
    ParserClosed,
    ParserCrashed,
    ParserUnavailable,
    ParsingError,
    ProcessEnded,
)
from msrv.catalog.parsing.messages import Message
from msrv.catalog.parsing.parser_process import ParserProcess
from msrv.catalog.parsing.replies import (
    InvalidReply,
    parse_image_facts,
    parse_page_count,
    parse_picture,
    parse_tags,
)

log = logging.getLogger(__name__)

SECONDS: Final = 60.0
"""Time limit for one file, generous enough for a slow disk."""
_AGAIN_SECONDS: Final = 5.0
"""Delay before the next attempt to start the process."""

_Result = TypeVar("_Result")


class Parser:
    """Parser of files in a process without secrets; see `parser_main`.

    The process is started on first use, and again when it has ended. All
    methods block and are thread-safe; one file is parsed at a time. `data` is
    the folder for crash marks. Close the parser at the end.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        seconds: float = SECONDS,
        marks: CrashMarks | None = None,
        command: tuple[str, ...] = python_command(
            "msrv.catalog.parsing.parser_main"
        ),
    ) -> None:
        self._marks = marks or CrashMarks(data and data / FOLDER_NAME)
        self._seconds = seconds
        self._command = command
        self._lock = threading.Lock()
        self._process: ParserProcess | None = None
        self._closed = False
        self._confinement_logged = False
        self._failure: tuple[float, ParserUnavailable] | None = None
        # The kernel kills a child with the thread that started it
        # (PR_SET_PDEATHSIG), so one thread lives as long as the parser.
        self._starter: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start the process and log its confinement. Raises ParsingError."""
        with self._lock:
            self._running_process()

    def tags(self, file: BinaryIO, name: str, sha256: bytes) -> Tags:
        """Return the tags of an audio file. Raises NotAudio and ParsingError.

        `name` is the file's name, of which only the suffix counts.
        """
        fields = {"do": "tags", "name": name}
        return self._parse(file, sha256, fields, parse_tags)

    def measure(self, file: BinaryIO, sha256: bytes) -> ImageFacts:
        """Return a picture's facts. Raises NotAPicture and ParsingError."""
        fields = {"do": "measure", "name": "picture"}
        return self._parse(
            file, _picture_key(sha256), fields, parse_image_facts
        )

    def page_count(self, file: BinaryIO, sha256: bytes) -> int | None:
        """Return the number of pages of a PDF, None if it doesn't say.

        Raises ParsingError.
        """
        fields = {"do": "pages", "name": "document"}
        return self._parse(
            file, _derived_key(b"pages", sha256), fields, parse_page_count
        )

    def shrink(
        self,
        file: BinaryIO,
        width: int,
        sha256: bytes,
        form: PictureFormat = "WEBP",
    ) -> bytes:
        """Return a reduced copy of a picture.

        Raises NotAPicture and ParsingError.
        """
        fields = {
            "do": "shrink",
            "name": "picture",
            "width": width,
            "form": form,
        }
        return self._parse(file, _picture_key(sha256), fields, parse_picture)

    def holds(self, sha256: bytes) -> bool:
        """Return whether a file isn't parsed for now, after a crash."""
        with self._lock:
            return any(
                self._marks.find(each) is not None
                for each in (sha256, _picture_key(sha256))
            )

    def is_retry_due(self) -> bool:
        """Return whether a held file may be retried; True only once."""
        with self._lock:
            return self._marks.is_retry_due()

    def close(self) -> None:
        """Kill the process, even while it parses; stop parsing for good."""
        self._closed = True
        process = self._process
        if process is not None:
            process.process.kill()  # wakes a thread that waits for a reply
        with self._lock:
            self._stop_process()
            self._marks.close()
            if self._starter is not None:
                self._starter.shutdown()

    def __enter__(self) -> Self:
        """Return the parser, which is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the parser."""
        self.close()

    def _parse(
        self,
        file: BinaryIO,
        sha256: bytes,
        fields: dict[str, Any],
        read_reply: Callable[[Message], _Result],
    ) -> _Result:
        """Return the result of parsing; `read_reply` validates the reply."""
        request = Message(fields, descriptor=file.fileno())
        try:
            answer = self._request(request, sha256)
            result = read_reply(answer)
        except (ProcessEnded, InvalidReply) as error:
            reason, by_chance = _failure_reason(error)
            with self._lock:
                self._stop_process()
                mark = self._marks.record(sha256, reason, by_chance=by_chance)
            raise _crash(mark) from error
        except (NotAudio, NotAPicture):
            self._clear_mark(sha256)
            raise
        self._clear_mark(sha256)
        return result

    def _clear_mark(self, sha256: bytes) -> None:
        with self._lock:
            self._marks.clear(sha256)

    def _request(self, request: Message, sha256: bytes) -> Message:
        """Return the reply. Raises ProcessEnded and ParsingError."""
        with self._lock:
            mark = self._marks.find(sha256)
            if mark is not None:
                raise _crash(mark)
            try:
                return self._request_once(request, sha256)
            except ProcessEnded as error:
                if not error.is_idle:
                    raise
            # It had just exited after idling; another is started, once.
            return self._request_once(request, sha256)

    def _request_once(self, request: Message, sha256: bytes) -> Message:
        process = self._running_process()
        try:
            with self._marks.parsing(sha256):
                return process.request(request, self._seconds)
        except ProcessEnded as error:
            self._stop_process()
            if self._closed:
                raise ParserClosed from error
            raise

    def _running_process(self) -> ParserProcess:
        if self._closed:
            raise ParserClosed
        if self._process is not None and not self._process.is_running():
            self._stop_process()
        if self._process is None:
            if self._starter is None:
                self._starter = ThreadPoolExecutor(1, "msrv-parser")
            self._process = self._start(self._starter)
        return self._process

    def _start(self, starter: ThreadPoolExecutor) -> ParserProcess:
        """Start a process, unless that failed a moment ago."""
        if self._failure is not None:
            failed_at, error = self._failure
            if time.monotonic() < failed_at + _AGAIN_SECONDS:
                raise ParserUnavailable(str(error))
        try:
            process, lacking = starter.submit(
                ParserProcess.start, self._command
            ).result()
        except ParserUnavailable as error:
            self._failure = time.monotonic(), error
            raise
        self._failure = None
        self._log_confinement(lacking)
        return process

    def _log_confinement(self, lacking: list[str]) -> None:
        if self._confinement_logged:
            return
        self._confinement_logged = True
        if lacking:
            log.warning(
                "parsers run in a process without the store's secrets, but "
                "this system doesn't support some of its limits: %s",
                ", ".join(lacking),
            )
        else:
            log.info(
                "parsers run in a process without secrets, files or network"
            )

    def _stop_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()


def _crash(mark: CrashMark) -> ParserCrashed:
    """Return the error of a file with a mark."""
    is_retried = mark.retry_at is not None
    return ParserCrashed(mark.reason, is_retried=is_retried)


def _failure_reason(error: ProcessEnded | InvalidReply) -> tuple[str, bool]:
    """Return the reason of a failure, and whether it may be chance."""
    if isinstance(error, ProcessEnded):
        return error.reason, error.by_chance
    return f"causes its parser to send an invalid reply: {error}", False


def _picture_key(sha256: bytes) -> bytes:
    """Return the key of marks for a picture.

    Not the file's hash itself: a track is sold even if the picture inside it
    crashes the parser.
    """
    return _derived_key(b"picture", sha256)


def _derived_key(part: bytes, sha256: bytes) -> bytes:
    """Return the key of marks for a part of a file that is sold anyway."""
    return hashlib.sha256(part + sha256).digest()


@contextlib.asynccontextmanager
async def running(parser: Parser) -> AsyncIterator[None]:
    """Start a parser in the background, and close it at the end."""
    starting = asyncio.create_task(asyncio.to_thread(_start, parser))
    try:
        yield
    finally:
        await asyncio.to_thread(parser.close)
        await starting


def _start(parser: Parser) -> None:
    """Start the parser at once, so that a failure is logged at the start."""
    try:
        parser.start()
    except ParserClosed:
        pass
    except ParsingError as error:
        log.error("covers and tracks can't be parsed: %s", error)  # noqa: TRY400 - the text says it
