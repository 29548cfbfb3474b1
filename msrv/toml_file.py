"""TOML as people write it: read strictly, and wrong with file and line.

Owns finding out what is wrong and where. Everything that is wrong in a file
is collected, so that its seller mends it in one go.
"""

import difflib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

from msrv.display_text import printable

T = TypeVar("T")
KeyPath = tuple[str, ...]

_AT_LINE: Final = re.compile(r"\(at (?:line ([0-9]+), column [0-9]+|end.*)\)")
_CURLY: Final = frozenset("“”„‟«»\u2018\u2019\u201a")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that an operator has to fix, in a file of theirs.

    A problem is data, not an exception: reading a library collects them and
    continues, so that one broken folder never affects the others. `where` is
    a path relative to the library, as printable text. `line` counts from 1;
    None where a line means nothing. `what` is one sentence without a full
    stop.
    """

    where: str
    line: int | None
    what: str

    def __str__(self) -> str:
        """Return `where:line: what`, as compilers write it."""
        place = (
            self.where if self.line is None else f"{self.where}:{self.line}"
        )
        return f"{place}: {self.what}"


class InvalidConfig(Exception):
    """A configuration file can't be used; `problems` says why, by line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


def _hint(text: str, line: int) -> str:
    """Name the fix where a word processor has set a line's quotes."""
    lines = text.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if _CURLY.isdisjoint(written):
        return ""
    return """; type straight quotes: "…\""""


class TomlDocument:
    """A TOML file being read, and what is wrong with it so far.

    `where` is what problems call it. Raises InvalidConfig where the text is
    no TOML at all.
    """

    def __init__(self, where: str, text: str) -> None:
        self._where = printable(where)
        self._text = text
        self._problems: list[Problem] = []
        try:
            # No float comes near money.
            self._data = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            # Before Python 3.14 the line is in the message alone.
            found = _AT_LINE.search(str(error))
            last = text.rstrip().count("\n") + 1
            line = int(found[1]) if found and found[1] else last
            what = printable(_AT_LINE.sub("", str(error)).strip())
            raise self._broken(
                line, f"is not valid TOML: {what}{_hint(text, line)}"
            ) from error
        except (ValueError, RecursionError) as error:
            # A number of thousands of digits, thousands of brackets.
            raise self._broken(
                None,
                "can't be read: a number is too long, or brackets are nested "
                "too deep",
            ) from error

    def table(self, path: KeyPath, known: tuple[str, ...]) -> "Table":
        """Give the table at a path; a key that isn't known is a problem."""
        table = self._table(path)
        for key in table.data:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                hint = f"; is it {close[0]!r}?" if close else ""
                self.complain(path, key, f"means nothing here{hint}")
        return table

    def names(self, key: str) -> list[str]:
        """Name what a table of tables holds."""
        return list(self._table((key,)).data)

    def complain(self, path: KeyPath, key: str, what: str) -> None:
        """Note a problem with a key."""
        line = self.line_of((*path, key))
        said = f"{key!r} {what}"
        self._problems.append(Problem(self._where, line, said))

    def line_of(self, path: KeyPath) -> int:
        """Find the line of a key or a table, counted from 1."""
        return line_of(self._text, path)

    def finish(self) -> None:
        """Raise InvalidConfig if anything was wrong."""
        if self._problems:
            found = dict.fromkeys(self._problems)
            raise InvalidConfig(tuple(sorted(found, key=_line)))

    def _table(self, path: KeyPath) -> "Table":
        data: Any = self._data
        for depth, name in enumerate(path):
            data = data.get(name, {})
            if not isinstance(data, dict):
                self.complain(path[:depth], name, "must be a table: [name]")
                data = {}
        return Table(self, path, data)

    def _broken(self, line: int | None, what: str) -> InvalidConfig:
        return InvalidConfig((Problem(self._where, line, what),))


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a document."""

    document: TomlDocument
    path: KeyPath
    data: dict[str, Any]

    def take(self, key: str, read: Callable[[Any], T]) -> T | None:
        """Read a key with `read`; None where it isn't, or isn't right.

        The ValueError that `read` raises is half a sentence on the key.
        """
        if key not in self.data:
            return None
        try:
            return read(self.data[key])
        except ValueError as error:
            self.document.complain(self.path, key, str(error))
            return None


def line_of(text: str, path: KeyPath) -> int:
    """Find the line of a key or a table in TOML, counted from 1.

    It is that of the nearest table around it where the key stands in no line
    of its own, and 1 where there is none. tomllib tells no lines; this reads
    what people write, and is only ever asked where something is wrong.
    """
    best_depth, best_line = 0, 1
    header: KeyPath = ()
    closing = ""
    for number, line in enumerate(text.split("\n"), 1):
        stated = line.strip()
        if closing:
            # Inside a text of several lines, nothing is a key.
            closing = "" if closing in line else closing
            continue
        if stated.startswith("["):
            here = header = _header(stated)
        elif "=" in stated:
            here = (*header, *_keys_before_value(stated))
            closing = _opened(stated)
        else:
            continue
        if here == path[: len(here)] and len(here) > best_depth:
            best_depth, best_line = len(here), number
    return best_line


def _opened(stated: str) -> str:
    """Give the quotes of a text that goes on in the next line, or none."""
    for quotes in ('"""', "'''"):
        if stated.count(quotes) % 2:
            return quotes
    return ""


def _header(stated: str) -> KeyPath:
    """Give the keys of `["a]b".c]  # comment`: up to the `]` that ends it."""
    return _first_keys(stated.strip("[ "), "]")


def _keys_before_value(stated: str) -> KeyPath:
    """Give the keys of `a."b = c" = 1`: up to the `=` that ends them."""
    return _first_keys(stated, "=")


def _first_keys(stated: str, end: str) -> KeyPath:
    at = stated.find(end)
    while at != -1:
        keys = _keys(stated[:at])
        if keys:
            return keys
        at = stated.find(end, at + 1)
    return ()


def _keys(stated: str) -> KeyPath:
    """Split a dotted key as TOML does; () for what is none."""
    try:
        data: Any = tomllib.loads(f"{stated} = 0")
    except ValueError:
        return ()
    keys: list[str] = []
    while isinstance(data, dict) and len(data) == 1:
        ((key, data),) = data.items()
        keys.append(key)
    return tuple(keys)


def _line(problem: Problem) -> int:
    return problem.line or 0
