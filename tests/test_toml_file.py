"""TOML, and where it is wrong."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.toml_file import InvalidConfig, TomlDocument, line_of

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
        # What has no line of its own is in what is around it.
        (("items", "a = b]c.mp3", "last", "b"), 12),
        (("items", "plain", "nothing"), 8),
        (("title",), 1),
    ],
)
def test_finds_the_line_of_a_key(path: tuple[str, ...], line: int) -> None:
    """Or a seller would look for a mistake where there is none."""
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a =\nb = 1\n", 1),
        ('a = 1\nb = "x\n', 2),
        ("a = 1\na = 2\n", 2),
        ("a = 1\n\n[\n", 3),
        ('a = 1\nb = """\nx\n', 3),
        ("a = 2026-99-99", 1),
        ("a = " + "9" * 5000, None),
        ("a = " + "[" * 5000, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_says_where_toml_is_broken(text: str, line: int | None) -> None:
    """Or an edit that broke a release would take long to find, or all down."""
    with pytest.raises(InvalidConfig) as broken:
        TomlDocument("Album/release.toml", text)
    (problem,) = broken.value.problems
    assert problem.where == "Album/release.toml"
    assert problem.line == line
    assert "(at" not in problem.what


def test_names_what_was_probably_meant() -> None:
    """Or a misspelt price would quietly mean another one."""
    document = TomlDocument("x", 'pirce = "1"\n\n"zz\\nz" = 1')
    document.table((), ("price", "title"))
    with pytest.raises(InvalidConfig) as broken:
        document.finish()
    assert [str(each) for each in broken.value.problems] == [
        "x:1: 'pirce' means nothing here; is it 'price'?",
        "x:3: 'zz\\nz' means nothing here",
    ]


@pytest.mark.parametrize("value", ["1", '"text"', "[1]", "true"])
def test_a_table_has_to_be_one(value: str) -> None:
    """Or one wrong line would stop the reading of the whole library."""
    document = TomlDocument("x", f"items = {value}")
    assert document.names("items") == []
    document.table(("items", "a"), ())
    with pytest.raises(InvalidConfig, match=r"x:1: 'items' must be a table"):
        document.finish()


@given(st.text(max_size=60), st.lists(st.text(max_size=5), max_size=3))
def test_any_text_has_lines(text: str, path: list[str]) -> None:
    """Or explaining one mistake would end in another."""
    assert 1 <= line_of(text, tuple(path)) <= text.count("\n") + 1
    with suppress(InvalidConfig):
        TomlDocument("x", text)
