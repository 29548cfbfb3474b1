"""Errors of parsing.

Apart so that the helper's process and its answers can raise them, which the
parser imports.
"""


class ParsingError(Exception):
    """A file could not be parsed, for a reason that isn't its format.

    - `StopsParser`: it stops what parses it; it isn't tried again for now
    - `NoParser`: the helper can't be started
    - `ParserClosed`: the store is stopping
    """


class ParserCrashed(ParsingError):
    """The file stops its parser, or is suspected of that.

    `reason` is half a sentence for the operator, on the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ParserUnavailable(ParsingError):
    """The helper can't be started; the text says why."""


class ParserClosed(ParsingError):
    """The parser was closed, as the store stops."""


class ProcessEnded(Exception):
    """The helper ended, or was ended, without an answer.

    `by_chance` says that the file may not be the cause. `is_idle` says that
    the helper had ended by itself before it was asked.
    """

    def __init__(
        self, reason: str, *, by_chance: bool, is_idle: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.by_chance = by_chance
        self.is_idle = is_idle
