"""The process in which pictures and tags are parsed.

    python -m msrv.catalog.parsing.parser_main PARENT

Its standard input is a socket to the store with that process id. The store
starts it afresh, with an environment of its own, so that nothing secret has
ever been in its memory; it confines itself before it imports a parser, and
then answers one request after the other. It ends when the store does, when
it has had nothing to do for a while, and when it has used much of its time.
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
from msrv.catalog.parsing.confinement import Limits, allow_cpu, confine
from msrv.catalog.parsing.messages import Frame

CPU_SECONDS: Final = 20
"""Limit on the CPU time of one file; SIGXCPU kills before twice that."""
IDLE_SECONDS: Final = 60
"""Time without a request after which it exits and frees Pillow's memory."""
ALARM_SECONDS: Final = 120
"""Time after which it ends by itself, should the store not have killed it."""
_CPU_SECONDS_IN_ALL: Final = 3600


def limits() -> Limits:
    """Return what this process may take.

    Its memory is what a store in a container of 512 MB can spare.
    """
    return Limits(
        memory_bytes=320 << 20,
        data_bytes=320 << 20,
        cpu_seconds=_CPU_SECONDS_IN_ALL,
        open_files=64,
        stack_bytes=8 << 20,
        readable=_modules(),
    )


def _modules() -> tuple[str, ...]:
    """Name the folders that Python imports from, and no more of the disk."""
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


def _tags(file: BinaryIO, fields: dict[str, Any]) -> Frame:  # noqa: ARG001
    from msrv.catalog.metadata.tags import (  # noqa: PLC0415 - slow to import
        NotAudio,
        read_tags,
    )

    try:
        return Frame({"tags": read_tags(file).to_facts()})
    except NotAudio as error:
        return Frame({"refused": str(error)[:500]})


def _measure(file: BinaryIO, fields: dict[str, Any]) -> Frame:  # noqa: ARG001
    from msrv.catalog.metadata import cover_images  # noqa: PLC0415 - slow to import

    try:
        return Frame({"picture": asdict(cover_images.measure(file))})
    except cover_images.NotAPicture as error:
        return Frame({"refused": error.reason})


def _shrink(file: BinaryIO, fields: dict[str, Any]) -> Frame:
    from msrv.catalog.metadata import cover_images  # noqa: PLC0415 - slow to import

    try:
        return Frame({}, cover_images.shrink(file, int(fields["width"])))
    except cover_images.NotAPicture as error:
        return Frame({"refused": error.reason})


OPERATIONS: Final[dict[str, Callable[[BinaryIO, dict[str, Any]], Frame]]] = {
    "tags": _tags,
    "measure": _measure,
    "shrink": _shrink,
}


def main() -> None:
    """Confine this process, say what it lacks, and serve."""
    lacking = confine(limits(), parent=int(sys.argv[1]))
    with socket.socket(fileno=os.dup(0)) as connection:
        messages.send(connection, Frame({"without": lacking}))
        serve(connection)


def serve(connection: socket.socket) -> None:
    """Answer requests until there are none, one at a time."""
    allowed = 0.0
    while select.select([connection], [], [], IDLE_SECONDS)[0]:
        request = messages.receive(connection, may_carry_file=True)
        if request is None or request.descriptor is None:
            return
        used = time.process_time()
        if used > _CPU_SECONDS_IN_ALL / 2:
            return  # the store asks another
        if used + CPU_SECONDS > allowed:
            allowed = used + 2 * CPU_SECONDS - 1
            allow_cpu(2 * CPU_SECONDS - 1)
        signal.alarm(ALARM_SECONDS)
        with _named(request.descriptor, str(request.fields["name"])) as file:
            answer = _answered(file, request.fields)
        messages.send(connection, answer)


def _answered(file: BinaryIO, fields: dict[str, Any]) -> Frame:
    try:
        return OPERATIONS[str(fields["do"])](file, fields)
    except MemoryError:
        return Frame({"memory": True})
    except OSError as error:
        return Frame({"unreadable": error.strerror or str(error)})


def _named(descriptor: int, name: str) -> BinaryIO:
    """Open what was sent, by the name that mutagen wants a file to have."""
    raw = io.FileIO(descriptor)
    raw.name = name
    os.lseek(descriptor, 0, os.SEEK_SET)
    return io.BufferedReader(raw)


if __name__ == "__main__":
    main()
