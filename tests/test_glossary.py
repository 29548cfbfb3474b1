# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""docs/glossary.md matches the code."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import msrv

ROOT: Final = Path(msrv.__file__).parents[1]
PAGE: Final = (ROOT / "docs" / "glossary.md").read_text("utf-8")
TABLES, _, UNUSED = PAGE.partition("## Not used")
NAMES: Final = sorted(set(re.findall(r"`(msrv[.\w]*)`", TABLES)))
METAPHORS: Final = frozenset(re.findall(r"`(\w+)`", UNUSED))
SOURCES: Final = sorted((ROOT / "msrv").rglob("*.py"))


@cache
def suspects() -> list[Path]:
    """Return the modules that have a metaphor anywhere in their text."""
    pattern = re.compile("|".join(METAPHORS), re.IGNORECASE)
    return [
        each for each in SOURCES if pattern.search(each.read_text("utf-8"))
    ]


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the parsed source of a module."""
    return ast.parse(path.read_text("utf-8"))


def teardown_module() -> None:
    """Free the trees, which each garbage collection would look through."""
    tree_of.cache_clear()


@cache
def names_of(path: Path) -> list[str]:
    """Return the names of a module, its classes and its functions."""
    return [path.stem if path.stem != "__init__" else path.parent.name] + [
        node.name
        for node in ast.walk(tree_of(path))
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        )
    ]


def variables_of(path: Path) -> list[str]:
    """Return the names of a module's variables and parameters."""
    return [
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.arg)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    ]


def words_of(name: str) -> set[str]:
    """Return the words of an identifier, in lower case."""
    found = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", name)
    return {each.lower() for each in found}


def exists(name: str) -> bool:
    """Return whether a name is one of a package, a module or in a module."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module = path.parent.with_suffix(".py")
    return module.is_file() and path.name in names_of(module)


def test_names_in_the_glossary_exist() -> None:
    assert len(NAMES) > 100
    assert [each for each in NAMES if not exists(each)] == []


def test_glossary_defines_each_word_once() -> None:
    words = re.findall(r"^\| ([^|]+?) \|", TABLES, re.MULTILINE)
    defined = [each for each in words if each not in {"word", "---"}]
    assert len(defined) > 40
    assert len(set(defined)) == len(defined)


def test_no_name_is_a_metaphor() -> None:
    assert len(METAPHORS) > 20
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in suspects()
        for name in names_of(path)
        if words_of(name) & METAPHORS
    }
    assert not found


def test_no_variable_is_a_metaphor() -> None:
    alphabet = {"letter", "letters"}
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in suspects()
        for name in variables_of(path)
        if words_of(name) & METAPHORS - alphabet
    }
    assert not found
