# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Strict TOML reader, whose problems have a file, a line and a suggestion.

A key that is misspelt is a problem, not a default: a seller who wrote `pirce`
must not sell at another price. A file's tables are pydantic models; all its
problems are found at once, so that they can be fixed at once.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from msrv.display_text import printable
from msrv.validation_errors import half_sentence

Model = TypeVar("Model", bound=BaseModel)
Keys = tuple[str, ...]
KeyPath = tuple[str | int, ...]
"""Keys from the top of a file; an integer is the index in a list, from 0."""

_AT_LINE: Final = re.compile(r"\(at (?:line ([0-9]+), column [0-9]+|end.*)\)")
_CURLY_QUOTES: Final = frozenset("“”„‟«»\u2018\u2019\u201a")
_LONG_NUMBER: Final = re.compile(
    r"(?:^|[=\[,\s])[+-]?[0-9]"
    r"(?:[0-9_]{4000}|[0-9_.]*[eE][+-]?[0-9_]{16})",
    re.MULTILINE,
)
_KEY_OF_TABLE: Final = "[key]"
"""Pydantic's last part of the place of a key that isn't valid itself."""

# Pydantic's words are those of Python; these are TOML's.
_SENTENCES: Final[Mapping[str, str]] = {
    "dict_type": "must be a table: [name]",
    "model_type": "must be a table: [name]",
    "string_type": "must be text, in quotes",
}


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


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems by file and line, each once."""
    return tuple(
        sorted(
            frozenset(problems),
            key=lambda each: (each.where, each.line or 0, each.what),
        )
    )


class InvalidConfig(Exception):
    """A configuration file can't be used; `problems` are its reasons."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


def requirement(what: str) -> WrapValidator:
    """Return an annotation that states a type's rule in the seller's words.

    `what` is half a sentence on the key, "must be …". It replaces the errors
    of the annotations before this one.
    """

    def validate(value: object, inner: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - pydantic's own signature
        try:
            return inner(value)
        except ValidationError:
            raise ValueError(what) from None

    return WrapValidator(validate)


class TomlDocument:
    """The text of a TOML file, its values, and the lines of its keys.

    `where` is the file's name in problems. Raises InvalidConfig where the
    text is not TOML at all.
    """

    def __init__(self, where: str, text: str) -> None:
        self.where = printable(where)
        self._text = text
        self._lines: Mapping[KeyPath, int] | None = None
        try:
            # No float comes near money.
            self.values = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            # Before Python 3.14 only the message has the line.
            found = _AT_LINE.search(str(error))
            last = text.rstrip().count("\n") + 1
            line = int(found[1]) if found and found[1] else last
            what = printable(_AT_LINE.sub("", str(error)).strip())
            raise self._broken(
                line, f"is not valid TOML: {what}{_quotes_hint(text, line)}"
            ) from error
        except (ValueError, ArithmeticError) as error:
            # Thousands of digits, or an exponent that Decimal has no room for.
            raise self._broken(
                _long_number_line(text), "can't be read: a number is too long"
            ) from error
        except RecursionError as error:
            raise self._broken(
                None, "can't be read: brackets are nested too deep"
            ) from error

    def validate(self, model: type[Model], context: object = None) -> Model:
        """Return the file's values as a model.

        `context` is for the model's validators. Raises InvalidConfig with all
        problems, by line.
        """
        try:
            return model.model_validate(self.values, context=context)
        except ValidationError as error:
            found = {
                self._problem(model, each): None
                for each in error.errors(include_url=False)
            }
        raise InvalidConfig(tuple(sorted(found, key=_line)))

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key or a table, counted from 1."""
        if self._lines is None:
            self._lines = find_lines(self._text)
        return nearest_line(self._lines, path)

    def _problem(self, model: type[BaseModel], error: ErrorDetails) -> Problem:
        place = error["loc"]
        place = place[:-1] if place[-1:] == (_KEY_OF_TABLE,) else place
        path = tuple(each for each in place if isinstance(each, str))
        what = _SENTENCES.get(error["type"]) or half_sentence(error)
        if error["type"] == "extra_forbidden":
            close = difflib.get_close_matches(
                path[-1], _known_keys(model, path[:-1]), 1
            )
            hint = f"; did you mean {close[0]!r}?" if close else ""
            what = f"is not a known key{hint}"
        return Problem(
            self.where,
            self.line_of(place),
            f"{path[-1]!r} {what}" if path else what,
        )

    def _broken(self, line: int | None, what: str) -> InvalidConfig:
        return InvalidConfig((Problem(self.where, line, what),))


def find_lines(text: str) -> Mapping[KeyPath, int]:
    """Return the line of each key and table in TOML, counted from 1.

    That of a list is the line of its first table. tomllib knows no lines;
    this reads TOML as people write it, and only where a line is needed.
    """
    lines: dict[KeyPath, int] = {}
    header: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    closing = ""
    for number, line in enumerate(text.split("\n"), 1):
        stated = line.strip()
        if closing:
            # Inside a text of several lines, nothing is a key.
            closing = "" if closing in line else closing
            continue
        if stated.startswith("["):
            here = header = _table_path(stated, counts)
        elif "=" in stated:
            here = (*header, *_keys_before_value(stated))
            closing = _opened_quotes(stated)
        else:
            continue
        lines.setdefault(here, number)
        if here and isinstance(here[-1], int):
            lines.setdefault(here[:-1], number)
    return lines


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of a key or a table, of those of `find_lines`.

    A key without a line of its own has that of the nearest table or list
    around it, and 1 where there is none.
    """
    depths = range(len(path), 0, -1)
    return next((lines[path[:n]] for n in depths if path[:n] in lines), 1)


def _table_path(stated: str, counts: dict[KeyPath, int]) -> KeyPath:
    """Return the path of `[a]`, or of the next table of the list `[[a]]`.

    `counts` is the number of tables in each list so far, and is updated. A key
    that names a list means its last table, as in TOML.
    """
    keys = _header(stated)
    path: KeyPath = ()
    for depth, key in enumerate(keys, 1):
        path = (*path, key)
        if depth == len(keys) and stated.startswith("[["):
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _known_keys(model: type[BaseModel], path: Keys) -> list[str]:
    """Return the keys of the table at a path of a file."""
    fields, is_name = keys_of(model), False
    for key in path:
        if is_name:  # a table's own: `a` in `[items.a]`
            is_name = False
        else:
            annotation = fields[key].annotation
            (inner,) = _models_in(annotation)
            fields, is_name = keys_of(inner), get_origin(annotation) is dict
    return list(fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - as pydantic has it
    """Find the model in `Model | None`, `dict[str, Model]` and their like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models_in(each)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a table's keys, as they stand in a file, and their fields."""
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
    }


def _quotes_hint(text: str, line: int) -> str:
    """Return the fix where a word processor has set a line's quotes."""
    lines = text.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if _CURLY_QUOTES.isdisjoint(written):
        return ""
    return """; type straight quotes: "…\""""


def _long_number_line(text: str) -> int | None:
    """Return the line of the first number that is too long, if found."""
    found = _LONG_NUMBER.search(text)
    return text.count("\n", 0, found.end()) + 1 if found else None


def _opened_quotes(stated: str) -> str:
    """Return the quotes of a text that continues in the next line, or none."""
    for quotes in ('"""', "'''"):
        if stated.count(quotes) % 2:
            return quotes
    return ""


def _header(stated: str) -> Keys:
    """Return the keys of `["a]b".c]  # comment`: up to the closing `]`."""
    return _first_keys(stated.strip("[ "), "]")


def _keys_before_value(stated: str) -> Keys:
    """Return the keys of `a."b = c" = 1`: up to the `=` that ends them."""
    return _first_keys(stated, "=")


def _first_keys(stated: str, end: str) -> Keys:
    at = stated.find(end)
    while at != -1:
        keys = _keys(stated[:at])
        if keys:
            return keys
        at = stated.find(end, at + 1)
    return ()


def _keys(stated: str) -> Keys:
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
