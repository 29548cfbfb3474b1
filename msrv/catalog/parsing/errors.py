# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of parsing.

Apart, since `parser` imports the modules that raise them.
"""


class ParsingError(Exception):
    """A file could not be parsed, for a reason other than its format.

    - `ParserCrashed`: it crashes its parser; it isn't retried for now
    - `ParserUnavailable`: the parser process can't be started
    - `ParserClosed`: the store is stopping
    """


class ParserCrashed(ParsingError):
    """The file crashes its parser or takes too long, or may have done so.

    `reason` is a half-sentence about the file, for the operator. With
    `is_retried`, that may have been chance, and the file is tried again.
    """

    def __init__(self, reason: str, *, is_retried: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_retried = is_retried


class ParserUnavailable(ParsingError):
    """The parser process can't be started; the message is the reason."""


class ParserClosed(ParsingError):
    """The parser is closed, since the store is stopping."""


class ProcessEnded(Exception):
    """The parser process ended, or was killed, without a reply.

    `by_chance` is True if the file may not be the cause, `is_idle` if the
    process had exited after idling, before the request.
    """

    def __init__(
        self, reason: str, *, by_chance: bool, is_idle: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.by_chance = by_chance
        self.is_idle = is_idle
