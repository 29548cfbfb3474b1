"""The store's side of parsing: a helper process, asked for facts.

What comes back is checked before it is believed: the helper may have been
taken over by the file that it parsed.
"""

import hashlib
import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeVar

from msrv.catalog.parsing import frames
from msrv.catalog.parsing.frames import BadFrame, Frame
from msrv.catalog.parsing.marks import FOLDER_NAME, Marks
from msrv.catalog.parsing.starting import ENVIRONMENT, python
from msrv.catalog.parsing.values import BadValue, checked
from msrv.catalog.pictures import ArtworkFacts, NotAPicture
from msrv.catalog.tags import NotAudio, Tags
from msrv.catalog.text import clean

log = logging.getLogger(__name__)

SECONDS: Final = 60.0
"""How long one file may take, also on a slow disk."""
_START_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 5.0
"""How long one that couldn't be started isn't tried again."""
_END_SECONDS: Final = 5.0
_COMPLAINT_BYTES: Final = 2000
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_MAX_SIDE: Final = 1 << 20

# What a fault of a parser ends with, and a limit that a file has reached.
_FAULTS: Final = frozenset(
    {
        *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE),
        *(signal.SIGABRT, signal.SIGSYS, signal.SIGTRAP),
    }
)


_Result = TypeVar("_Result")


class ParsingError(Exception):
    """A file could not be parsed, for a reason that isn't its format.

    - `StopsParser`: it stops what parses it; it isn't tried again for now
    - `NoParser`: the helper can't be started
    - `ParserClosed`: the store is stopping
    """


class StopsParser(ParsingError):
    """The file stops its parser, or is suspected of that.

    `reason` is half a sentence for the operator, on the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoParser(ParsingError):
    """The helper can't be started; the text says why."""


class ParserClosed(ParsingError):
    """The parser was closed, as the store stops."""


class _Ended(Exception):
    """The helper ended, or was ended, without an answer.

    `is_idle` says that it had ended by itself before it was asked.
    """

    def __init__(
        self, reason: str, *, by_chance: bool, is_idle: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.by_chance = by_chance
        self.is_idle = is_idle


class Parser:
    """Parses files in a process that has no secret; see `helper`.

    It is started when it is first needed, and again when it has ended. Every
    method blocks, and any thread may call it; one file is parsed at a time.
    `data` is the folder in which marks are kept. Close it at the end.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        seconds: float = SECONDS,
        marks: Marks | None = None,
        command: tuple[str, ...] = python("msrv.catalog.parsing.helper"),
    ) -> None:
        self._marks = marks or Marks(data and data / FOLDER_NAME)
        self._seconds = seconds
        self._command = command
        self._lock = threading.Lock()
        self._helper: _Helper | None = None
        self._closed = False
        self._has_said = False
        self._failure: tuple[float, NoParser] | None = None
        # The kernel ends a child with the thread that started it
        # (PR_SET_PDEATHSIG), so that is one that lives as long as this.
        self._starter: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start the helper, and say what it lacks. Raises ParsingError."""
        with self._lock:
            self._started()

    def tags(self, file: BinaryIO, name: str, sha256: bytes) -> Tags:
        """Read the tags of a sound. Raises NotAudio and ParsingError.

        `name` is what the file is called, of which the suffix counts.
        """
        fields = {"do": "tags", "name": name}
        return self._ask(file, sha256, fields, _tags)

    def measure(self, file: BinaryIO, sha256: bytes) -> ArtworkFacts:
        """Say what a picture is. Raises NotAPicture and ParsingError."""
        fields = {"do": "measure", "name": "picture"}
        return self._ask(file, _of_picture(sha256), fields, _picture)

    def shrink(self, file: BinaryIO, width: int, sha256: bytes) -> bytes:
        """Make a smaller WebP. Raises NotAPicture and ParsingError."""
        fields = {"do": "shrink", "name": "picture", "width": width}
        return self._ask(file, _of_picture(sha256), fields, _webp)

    def holds(self, sha256: bytes) -> bool:
        """Whether a file isn't parsed for now, since it stopped a parser."""
        with self._lock:
            return any(
                self._marks.find(each) is not None
                for each in (sha256, _of_picture(sha256))
            )

    def is_retry_due(self) -> bool:
        """Whether a file that was held can be tried again; says so once."""
        with self._lock:
            return self._marks.is_retry_due()

    def close(self) -> None:
        """End the helper, whatever it does; nothing is parsed any more."""
        self._closed = True
        helper = self._helper
        if helper is not None:
            helper.process.kill()  # who waits for an answer wakes up
        with self._lock:
            self._drop()
            self._marks.close()
            if self._starter is not None:
                self._starter.shutdown()

    def __enter__(self) -> Self:
        """Be closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _ask(
        self,
        file: BinaryIO,
        sha256: bytes,
        fields: dict[str, Any],
        take: Callable[[Frame], _Result],
    ) -> _Result:
        """Have a file parsed; `take` checks the answer."""
        request = Frame(fields, descriptor=file.fileno())
        try:
            answer = self._answer(request, sha256)
            result = take(answer)
        except (_Ended, BadValue) as error:
            reason, by_chance = _blamed(error)
            with self._lock:
                self._drop()
                self._marks.stopped(sha256, reason, by_chance=by_chance)
            raise StopsParser(reason) from error
        except (NotAudio, NotAPicture):
            self._passed(sha256)
            raise
        self._passed(sha256)
        return result

    def _passed(self, sha256: bytes) -> None:
        with self._lock:
            self._marks.passed(sha256)

    def _answer(self, request: Frame, sha256: bytes) -> Frame:
        """Have a request answered. Raises _Ended and ParsingError."""
        with self._lock:
            mark = self._marks.find(sha256)
            if mark is not None:
                raise StopsParser(mark.reason)
            try:
                return self._tried(request, sha256)
            except _Ended as error:
                if not error.is_idle:
                    raise
            # It had just gone by itself; another is started, once.
            return self._tried(request, sha256)

    def _tried(self, request: Frame, sha256: bytes) -> Frame:
        helper = self._started()
        try:
            with self._marks.trying(sha256):
                return helper.answer(request, self._seconds)
        except _Ended as error:
            self._drop()
            if self._closed:
                raise ParserClosed from error
            raise

    def _started(self) -> "_Helper":
        if self._closed:
            raise ParserClosed
        if self._helper is not None and not self._helper.is_running():
            self._drop()
        if self._helper is None:
            if self._starter is None:
                self._starter = ThreadPoolExecutor(1, "msrv-parser")
            self._helper = self._start(self._starter)
        return self._helper

    def _start(self, starter: ThreadPoolExecutor) -> "_Helper":
        """Start a helper, unless that failed a moment ago."""
        if self._failure is not None:
            failed_at, error = self._failure
            if time.monotonic() < failed_at + _AGAIN_SECONDS:
                raise NoParser(str(error))
        try:
            helper, lacking = starter.submit(_start, self._command).result()
        except NoParser as error:
            self._failure = time.monotonic(), error
            raise
        self._failure = None
        self._say(lacking)
        return helper

    def _say(self, lacking: list[str]) -> None:
        if self._has_said:
            return
        self._has_said = True
        if lacking:
            log.warning(
                "parsers run in a process without the store's secrets, but "
                "this system lacks what else would confine it: %s",
                ", ".join(lacking),
            )
        else:
            log.info(
                "parsers run in a process without secrets, files and network"
            )

    def _drop(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.end()


class _Helper:
    """A helper that runs, and the connection to it."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", connection: socket.socket
    ) -> None:
        self.process = process
        self._connection = connection

    def is_running(self) -> bool:
        return self.process.poll() is None

    def hello(self) -> list[str]:
        """Wait until it is confined; return what it lacks."""
        try:
            frame = frames.receive(self._connection, _START_SECONDS)
        except (BadFrame, OSError) as error:
            raise NoParser(self._complaint() or repr(error)) from error
        if frame is None:
            raise NoParser(self._complaint() or "it ended at once")
        lacking = frame.fields.get("without")
        if not isinstance(lacking, list):
            raise NoParser("it said something else than what it lacks")
        return [_text(name) for name in lacking]

    def answer(self, request: Frame, seconds: float) -> Frame:
        """Have one request answered. Raises _Ended."""
        try:
            self._connection.settimeout(seconds)
            frames.send(self._connection, request)
            answer = frames.receive(self._connection, seconds)
        except TimeoutError:
            self.process.kill()
            raise _Ended("takes too long to read", by_chance=True) from None
        except BadFrame as error:
            self.process.kill()
            raise _Ended(
                f"makes its parser answer wrongly: {error}", by_chance=False
            ) from error
        except OSError as error:
            raise self._ended() from error
        if answer is None:
            raise self._ended()
        return answer

    def _ended(self) -> _Ended:
        """Say how it ended, which its connection did a moment ago."""
        try:
            status = self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return _Ended("makes its parser hang up", by_chance=False)
        if status == -signal.SIGXCPU:
            return _Ended("takes too long to read", by_chance=False)
        if -status in _FAULTS:
            name = signal.Signals(-status).name
            return _Ended(f"crashes its parser ({name})", by_chance=False)
        if status > 0:
            log.error("the parser failed: %s", ascii(self._complaint()))
            return _Ended("makes its parser fail", by_chance=False)
        # 0: it had nothing to do for long, and went. Killed: perhaps for
        # memory, perhaps by someone.
        return _Ended(
            "was being read when its parser was killed",
            by_chance=True,
            is_idle=status == 0,
        )

    def _complaint(self) -> str:
        """End it, and return the last that it wrote to standard error."""
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None  # noqa: S101 - a pipe
        said = self.process.stderr.read(1 << 16)
        return said[-_COMPLAINT_BYTES:].decode(errors="replace").strip()

    def end(self) -> None:
        self._connection.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


def _start(command: tuple[str, ...]) -> tuple[_Helper, list[str]]:
    """Start a helper. Raises NoParser."""
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(  # noqa: S603 - arguments of ours
            [*command, str(os.getpid())],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            # Ctrl-C at a terminal is for the store, which ends this one.
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise NoParser(f"it can't be started: {error.strerror}") from error
    finally:
        theirs.close()
    helper = _Helper(process, ours)
    try:
        return helper, helper.hello()
    except BaseException:
        helper.end()
        raise


def _blamed(error: "_Ended | BadValue") -> tuple[str, bool]:
    """Say what a file has done, and whether that may be by chance."""
    if isinstance(error, _Ended):
        return error.reason, error.by_chance
    return f"makes its parser answer wrongly: {error}", False


def _of_picture(sha256: bytes) -> bytes:
    """Return what marks name a picture by: a track is sold without its own."""
    return hashlib.sha256(b"picture" + sha256).digest()


def _tags(answer: Frame) -> Tags:
    _check(answer, NotAudio)
    return Tags.from_facts(checked(Tags, answer.fields.get("tags")))


def _picture(answer: Frame) -> ArtworkFacts:
    _check(answer, NotAPicture)
    facts = ArtworkFacts(**checked(ArtworkFacts, answer.fields.get("picture")))
    if not (0 < facts.width <= _MAX_SIDE and 0 < facts.height <= _MAX_SIDE):
        raise BadValue("a picture's size")
    if not _COLOUR.fullmatch(facts.colour):
        raise BadValue("a colour")
    return facts


def _webp(answer: Frame) -> bytes:
    _check(answer, NotAPicture)
    if (answer.body[:4], answer.body[8:12]) != (b"RIFF", b"WEBP"):
        raise BadValue("a picture")
    return answer.body


def _check(answer: Frame, refused: Callable[[str], Exception]) -> None:
    """Raise what a helper says instead of an answer."""
    if "refused" in answer.fields:
        raise refused(_text(answer.fields["refused"]))
    if "unreadable" in answer.fields:
        raise OSError(None, _text(answer.fields["unreadable"]))
    if "memory" in answer.fields:
        raise _Ended("takes too much memory to read", by_chance=False)


def _text(said: object) -> str:
    """Take a helper's sentence: one line of what can be shown."""
    return clean(str(said)[:1000], 300)
