# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Strict TOML, and the lines and wording of its problems."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from msrv import toml_file
from msrv.toml_file import (
    InvalidConfig,
    KeyPath,
    TomlDocument,
    find_lines,
    nearest_line,
    requirement,
)

TEXT = '''\
# id = "not this"
id = "a"
price . item = 1
description = """
title = "nor this"
"""

[ items . plain ]  # [items.other]
hidden = true
[items."a = b]c.mp3"]
"pri\\u0063e" = "1"
last = { a = 1, b = 2 }
[[gigs]]
town = "Gent"
[[gigs.bands]]
name = "a"
[[gigs.bands]]
name = "b"
[[gigs]]
[gigs.hall]
seats = 1
[[gigs.bands]]
name = "c"
sizes = [
  1,
]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("id",), 2),
        (("price", "item"), 3),
        (("description",), 4),
        (("items", "plain"), 8),
        (("items", "plain", "hidden"), 9),
        (("items", "a = b]c.mp3"), 10),
        (("items", "a = b]c.mp3", "price"), 11),
        # A key without a line of its own has that of its table.
        (("items", "a = b]c.mp3", "last", "b"), 12),
        (("items", "plain", "nothing"), 8),
        (("title",), 1),
        # Each table of a list has a line of its own.
        (("gigs",), 13),
        (("gigs", 0, "town"), 14),
        (("gigs", 0, "bands"), 15),
        (("gigs", 0, "bands", 1, "name"), 18),
        (("gigs", 1), 19),
        (("gigs", 1, "town"), 19),
        (("gigs", 1, "hall", "seats"), 21),
        (("gigs", 1, "bands", 0, "name"), 23),
        (("gigs", 1, "bands", 0, "sizes", 0), 24),
        (("gigs", 2, "town"), 13),
    ],
)
def test_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert nearest_line(find_lines(TEXT), path) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a =\nb = 1\n", 1),
        ('a = 1\nb = "x\n', 2),
        ("a = 1\na = 2\n", 2),
        ("a = 1\n\n[\n", 3),
        ('a = 1\nb = """\nx\n', 3),
        ("a = 2026-99-99", 1),
        ("a = " + "9" * 5000, 1),
        ("a = 1\nb = [1.5,\n-9" + "_999" * 2000 + "]\n", 3),
        ("a = 1\nb = 1e99999999999999999999\n", 2),
        ("a = 1\nb = [-1.5E-99999999999999999999]\n", 2),
        ("a = " + "[" * 5000, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_broken_toml_is_a_problem_with_its_line(
    text: str, line: int | None
) -> None:
    with pytest.raises(InvalidConfig) as broken:
        TomlDocument("Album/release.toml", text)
    (problem,) = broken.value.problems
    assert problem.where == "Album/release.toml"
    assert problem.line == line
    assert "(at" not in problem.what


def test_lines_are_found_in_one_pass_for_any_number_of_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = []
    real = toml_file.find_lines

    def watch(text: str) -> Mapping[KeyPath, int]:
        passes.append(text)
        return real(text)

    monkeypatch.setattr(toml_file, "find_lines", watch)
    names = [f"{number}.wav" for number in range(100)]
    text = "".join(f'[items."{name}"]\nid = "a"\n' for name in names)
    document = TomlDocument("x", text)
    assert not passes
    lines = [document.line_of(("items", name, "id")) for name in names]
    assert lines == list(range(2, 202, 2))
    assert len(passes) == 1


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    number: Annotated[int, Field(gt=0)] = 1
    long_name: Annotated[str, Field(max_length=1000)] = Field(
        default="", alias="name"
    )
    colour: Annotated[
        str, Field(pattern="^#"), requirement("must be a colour")
    ] = "#"

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.number == 7:
            raise ValueError("must not be the seventh")
        return self


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    price: str = ""
    title: str | None = None
    hidden: bool = False
    entry: Entry | None = None
    items: dict[Annotated[str, Field(pattern="^[a-z]+$")], Entry] = {}
    more: Annotated[tuple[Entry, ...], Field(strict=False)] = ()


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidConfig) as broken:
        TomlDocument("x", text).validate(Whole)
    return [str(each) for each in broken.value.problems]


def test_valid_file_becomes_the_model() -> None:
    document = TomlDocument(
        "x", 'title = "T"\n[items.a]\nname = "N"\nnumber = 2\n[[more]]\n'
    )
    found = document.validate(Whole)
    assert found.title == "T"
    assert found.items == {"a": Entry(name="N", number=2)}
    assert found.more == (Entry(),)


def test_unknown_key_suggests_the_one_that_was_probably_meant() -> None:
    assert problems('pirce = "1"\n\n"zz\\nz" = 1') == [
        "x:1: 'pirce' is not a known key; did you mean 'price'?",
        "x:3: 'zz\\nz' is not a known key",
    ]


@pytest.mark.parametrize("table", ["entry", "items.a", "items.name", "[more]"])
def test_unknown_key_is_compared_with_those_of_its_table(
    table: str,
) -> None:
    """Fields are known by their aliases, which are the names in the file."""
    (problem,) = problems(f"[{table}]\nnaem = 1")
    assert problem == "x:2: 'naem' is not a known key; did you mean 'name'?"


@pytest.mark.parametrize("value", ["1", '"text"', "[1]", "true"])
def test_value_in_place_of_a_table_is_a_problem(value: str) -> None:
    what = "must be a table: [name]"
    assert problems(f"items = {value}") == [f"x:1: 'items' {what}"]
    assert problems(f"items.a = {value}") == [f"x:1: 'a' {what}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title = 1", "'title' must be text, in quotes"),
        ('hidden = "yes"', "'hidden' must be true or false"),
        ("entry.number = true", "'number' must be a whole number"),
        ("entry.number = 0", "'number' must be greater than 0"),
        (
            f"entry.name = '{'a' * 1001}'",
            "'name' must have up to 1,000 characters",
        ),
        ("entry.colour = 'red'", "'colour' must be a colour"),
        ("entry.colour = 3", "'colour' must be a colour"),
        ("items.a.number = 7", "'a' must not be the seventh"),
        ("items.A = {}", "'A' must match pattern '^[a-z]+$'"),
    ],
)
def test_problem_states_the_rule_in_terms_of_toml(
    text: str, problem: str
) -> None:
    assert problems(text) == [f"x:1: {problem}"]


def test_all_problems_are_found_at_once_by_line() -> None:
    text = "[items.a]\nnumber = 0\nnmae = 1\n[entry]\nnumber = true\n"
    assert [each.split(":")[1] for each in problems(text)] == ["2", "3", "5"]


@given(
    st.text(max_size=60),
    st.lists(st.text(max_size=5) | st.integers(0, 3), max_size=3),
)
def test_any_path_has_a_line_in_any_text(
    text: str, path: list[str | int]
) -> None:
    line = nearest_line(find_lines(text), tuple(path))
    assert 1 <= line <= text.count("\n") + 1
    with suppress(InvalidConfig):
        TomlDocument("x", text)
