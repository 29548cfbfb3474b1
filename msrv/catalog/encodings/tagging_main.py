# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Program of the process that writes tags into encodings.

    python -m msrv.catalog.encodings.tagging_main PRIORITY PARENT

Confined like the parser's process, whose messages it speaks, except that it
may write to the file of a request. Of each master it reads the tags first
(`read`), and then writes some of them into an encoding (`write`).
"""

import io
import os
import socket
import sys
from typing import Any, Final

from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.parsing import messages
from msrv.catalog.parsing.confinement import confine
from msrv.catalog.parsing.messages import Message
from msrv.catalog.parsing.parser_main import parser_limits, serve_requests
from msrv.catalog.parsing.priority import IDLE, lower_priority
from msrv.display_text import reason_of

_MAX_FILE_BYTES: Final = 1 << 33


class TagRequests:
    """Replies to requests; it has the tags of the last master."""

    def __init__(self) -> None:
        self._copied: dict[str, list[str]] = {}

    def reply(self, descriptor: int, request: Message) -> Message:
        """Return the reply to a request with an open file."""
        from msrv.catalog.encodings import tag_writer  # noqa: PLC0415 - slow to import
        from msrv.catalog.metadata.audio_files import NotAudio  # noqa: PLC0415

        fields = request.fields
        is_writing = fields["do"] == "write"
        with _opened(
            descriptor, str(fields["name"]), is_writing=is_writing
        ) as file:
            if not is_writing:
                self._copied = tag_writer.read_copied_tags(file)
                return Message({})
            try:
                seconds = tag_writer.write_tags(
                    file,
                    str(fields["kind"]),
                    TrackTags.from_json(fields["tags"]),
                    self._copied,
                    request.body,
                )
            except NotAudio as error:
                return Message({"refused": str(error)[:500]})
            except OSError as error:
                return Message({"unwritable": reason_of(error)})
        return Message({"seconds": seconds})


def main() -> None:
    """Confine this process, report unsupported limits, serve requests."""
    if sys.argv[1] == IDLE:
        lower_priority()
    limits = parser_limits()._replace(file_bytes=_MAX_FILE_BYTES)
    lacking = confine(limits, parent=int(sys.argv[2]))
    with socket.socket(fileno=os.dup(0)) as connection:
        messages.send_message(connection, Message({"without": lacking}))
        serve_requests(connection, TagRequests().reply)


def _opened(descriptor: int, name: str, *, is_writing: bool) -> Any:  # noqa: ANN401 - a file that may be either
    """Return the file of a descriptor, with the name that mutagen needs."""
    raw = io.FileIO(descriptor, "r+b" if is_writing else "rb")
    raw.name = name
    os.lseek(descriptor, 0, os.SEEK_SET)
    return io.BufferedRandom(raw) if is_writing else io.BufferedReader(raw)


if __name__ == "__main__":
    main()
