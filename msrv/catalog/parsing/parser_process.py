# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The parser process, as the store sees it, and the connection to it.

Apart from `parser`, which decides when to start, stop and retry.
"""

import logging
import os
import signal
import socket
import subprocess
from typing import Final, Self

from msrv.catalog.parsing import messages
from msrv.catalog.parsing.confinement import ENVIRONMENT
from msrv.catalog.parsing.errors import ParserUnavailable, ProcessEnded
from msrv.catalog.parsing.messages import BadMessage, Message
from msrv.catalog.parsing.replies import clean_message
from msrv.display_text import reason_of

log = logging.getLogger(__name__)

_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_STDERR_BYTES: Final = 2000

# Signals that kill a crashing parser, or one that has reached a limit.
_FAULTS: Final = frozenset(
    {
        *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE),
        *(signal.SIGABRT, signal.SIGSYS, signal.SIGTRAP),
    }
)


class ParserProcess:
    """A running parser process, and the connection to it.

    All methods block. One request at a time.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", connection: socket.socket
    ) -> None:
        self.process = process
        self._connection = connection

    @classmethod
    def start(cls, command: tuple[str, ...]) -> tuple[Self, list[str]]:
        """Start a process; return it and the limits that it lacks.

        Raises ParserUnavailable.
        """
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(  # noqa: S603 - arguments of ours
                [*command, str(os.getpid())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                # Ctrl-C at a terminal is for the store, which kills this one.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise ParserUnavailable(
                f"it can't be started: {reason_of(error)}"
            ) from error
        finally:
            theirs.close()
        started = cls(process, ours)
        try:
            return started, started.wait_until_ready()
        except BaseException:
            started.kill()
            raise

    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self.process.poll() is None

    def wait_until_ready(self) -> list[str]:
        """Wait until it is confined; return the limits that it lacks."""
        try:
            frame = messages.receive_message(self._connection, _START_SECONDS)
        except (BadMessage, OSError) as error:
            raise ParserUnavailable(
                self._kill_and_read_stderr() or repr(error)
            ) from error
        if frame is None:
            raise ParserUnavailable(
                self._kill_and_read_stderr() or "it ended at once"
            )
        lacking = frame.fields.get("without")
        if not isinstance(lacking, list):
            raise ParserUnavailable("its first message is invalid")
        return [clean_message(name) for name in lacking]

    def request(self, request: Message, seconds: float) -> Message:
        """Send a request and return the reply. Raises ProcessEnded."""
        try:
            self._connection.settimeout(seconds)
            messages.send_message(self._connection, request)
            answer = messages.receive_message(self._connection, seconds)
        except TimeoutError:
            self.process.kill()
            raise ProcessEnded(
                "takes too long to read", by_chance=True
            ) from None
        except BadMessage as error:
            self.process.kill()
            raise ProcessEnded(
                f"causes its parser to send an invalid reply: {error}",
                by_chance=False,
            ) from error
        except OSError as error:
            raise self._exit_reason() from error
        if answer is None:
            raise self._exit_reason()
        return answer

    def _exit_reason(self) -> ProcessEnded:
        """Return the reason why the process ended, after its connection."""
        try:
            status = self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return ProcessEnded(
                "causes its parser to close the connection", by_chance=False
            )
        if status == -signal.SIGXCPU:
            return ProcessEnded("takes too long to read", by_chance=False)
        if -status in _FAULTS:
            name = signal.Signals(-status).name
            return ProcessEnded(
                f"crashes its parser ({name})", by_chance=False
            )
        if status > 0:
            log.error(
                "the parser failed: %s", ascii(self._kill_and_read_stderr())
            )
            return ProcessEnded("causes its parser to fail", by_chance=False)
        # 0: it exited after idling. Killed: perhaps for lack of memory,
        # perhaps by an operator.
        return ProcessEnded(
            "was being read when its parser was killed",
            by_chance=True,
            is_idle=status == 0,
        )

    def _kill_and_read_stderr(self) -> str:
        """Kill the process and return the end of its standard error."""
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None  # noqa: S101 - a pipe
        output = self.process.stderr.read(1 << 16)
        return output[-_STDERR_BYTES:].decode(errors="replace").strip()

    def kill(self) -> None:
        """Kill the process and close the connection."""
        self._connection.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
