# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Program of the process that parses pictures, tags and documents.

    python -m msrv.catalog.parsing.parser_main PARENT

Its standard input is a socket to the store with that process id. The store
starts it as a new process with an empty environment, so that no secret has
ever been in its memory; it confines itself before it imports a parser, and
then answers requests one at a time. It exits when the store does, after
idling for a while, and when it has used much of its CPU time.
"""

import io
import os
import select
import signal
import socket
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from msrv.catalog.parsing import messages
from msrv.catalog.parsing.confinement import ResourceLimits, allow_cpu, confine
from msrv.catalog.parsing.messages import Message
from msrv.display_text import reason_of

CPU_SECONDS: Final = 20
"""CPU time limit for one file; SIGXCPU kills before twice that."""
IDLE_SECONDS: Final = 60
"""Idle time after which it exits, to free Pillow's memory."""
ALARM_SECONDS: Final = 120
"""Time for one file after which it ends if the store hasn't killed it."""
_CPU_SECONDS_IN_ALL: Final = 3600


def parser_limits() -> ResourceLimits:
    """Return the limits on this process.

    Its memory is what a store in a container of 512 MB can spare.
    """
    return ResourceLimits(
        memory_bytes=320 << 20,
        data_bytes=320 << 20,
        cpu_seconds=_CPU_SECONDS_IN_ALL,
        open_files=64,
        stack_bytes=8 << 20,
        readable=_import_folders(),
    )


def _import_folders() -> tuple[str, ...]:
    """Return the folders that Python imports from."""
    prefixes = {
        os.path.join(os.path.realpath(prefix), "")  # noqa: PTH118 - with its /
        for prefix in (sys.prefix, sys.base_prefix)
    }
    paths = [*sysconfig.get_paths().values(), *sys.path]
    inside = {
        path
        for path in map(os.path.realpath, paths)
        if any(path.startswith(prefix) for prefix in prefixes)
    }
    package = Path(__file__).parents[2]
    return (*sorted(inside), str(package), *_LIBRARIES)


_LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")


def _tags(file: BinaryIO, fields: dict[str, Any]) -> Message:  # noqa: ARG001
    from msrv.catalog.metadata.tags import (  # noqa: PLC0415 - slow to import
        NotAudio,
        read_tags,
    )

    try:
        return Message({"tags": read_tags(file).to_facts()})
    except NotAudio as error:
        return Message({"refused": str(error)[:500]})


def _measure(file: BinaryIO, fields: dict[str, Any]) -> Message:  # noqa: ARG001
    from msrv.catalog.metadata import cover_images  # noqa: PLC0415 - slow to import

    try:
        return Message({"picture": asdict(cover_images.measure_image(file))})
    except cover_images.NotAPicture as error:
        return Message({"refused": error.reason})


def _shrink(file: BinaryIO, fields: dict[str, Any]) -> Message:
    from msrv.catalog.metadata import cover_images  # noqa: PLC0415 - slow to import

    try:
        return Message(
            {},
            cover_images.shrink_image(
                file,
                int(fields["width"]),
                fields["form"],
            ),
        )
    except cover_images.NotAPicture as error:
        return Message({"refused": error.reason})


def _pages(file: BinaryIO, fields: dict[str, Any]) -> Message:  # noqa: ARG001
    from msrv.catalog.metadata.pdf_pages import (  # noqa: PLC0415 - in the confined process alone
        count_pages,
    )

    return Message({"pages": count_pages(file)})


OPERATIONS: Final[dict[str, Callable[[BinaryIO, dict[str, Any]], Message]]] = {
    "tags": _tags,
    "measure": _measure,
    "pages": _pages,
    "shrink": _shrink,
}


def main() -> None:
    """Confine this process, report unsupported limits, serve requests."""
    lacking = confine(parser_limits(), parent=int(sys.argv[1]))
    with socket.socket(fileno=os.dup(0)) as connection:
        messages.send_message(connection, Message({"without": lacking}))
        serve_requests(connection)


Reply = Callable[[int, Message], Message]
"""Returns the reply to a request with an open file, and closes the file."""


def serve_requests(
    connection: socket.socket, reply_to: Reply | None = None
) -> None:
    """Reply to requests, one at a time, until idle or disconnected.

    `reply_to` is that of the parser by default.
    """
    reply_to = reply_to or _reply_to
    allowed = 0.0
    while select.select([connection], [], [], IDLE_SECONDS)[0]:
        request = messages.receive_message(connection, may_carry_file=True)
        if request is None or request.descriptor is None:
            return
        used = time.process_time()
        if used > _CPU_SECONDS_IN_ALL / 2:
            return  # the store starts another process
        if used + CPU_SECONDS > allowed:
            allowed = used + 2 * CPU_SECONDS - 1
            allow_cpu(2 * CPU_SECONDS - 1)
        signal.alarm(ALARM_SECONDS)
        answer = reply_to(request.descriptor, request)
        messages.send_message(connection, answer)


def _reply_to(descriptor: int, request: Message) -> Message:
    fields = request.fields
    try:
        with _open_descriptor(descriptor, str(fields["name"])) as file:
            return OPERATIONS[str(fields["do"])](file, fields)
    except MemoryError:
        return Message({"memory": True})
    except OSError as error:
        return Message({"unreadable": reason_of(error)})


def _open_descriptor(descriptor: int, name: str) -> BinaryIO:
    """Return the file of a descriptor, with the name that mutagen needs."""
    raw = io.FileIO(descriptor)
    raw.name = name
    os.lseek(descriptor, 0, os.SEEK_SET)
    return io.BufferedReader(raw)


if __name__ == "__main__":
    main()
