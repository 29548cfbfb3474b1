# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The package follows the rules of docs/architecture.md."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msrv

PACKAGE: Final = Path(msrv.__file__).parent
MODULES: Final = {
    ".".join(("msrv", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

MAX_LINES: Final = 350
FEW_LINES: Final = 60
MAX_FILES: Final = 15
APART: Final = re.compile(r"\bapart\b|\ba module of its own\b", re.IGNORECASE)
"""How a small module's docstring says why it is not part of another."""

PROTOCOLS: Final = {
    "Content", "Engine", "LineFormatter", "OpenSlice", "PaymentArchive",
    "Provider", "Reader", "RefundHandler",
    "Sender", "Storage", "TLSServer", "WebhookHandler",
}  # fmt: skip
"""Protocols that have, or will have, more than one implementation."""


VAGUE_VERBS: Final = frozenset(
    "ask be begin bring give go hear leave let put say take tell".split()
)
"""Verbs that no docstring begins with; Return, Parse and Write are plainer."""
VAGUE_NAMES: Final = VAGUE_VERBS | frozenset(
    "asked found gave go keep kept look made said took told".split()
)
"""Words that say nothing as the whole name of a function."""
QUESTIONS: Final = frozenset(
    "how what when where whether which who whoever".split()
)


@cache
def tree_of(name: str) -> ast.Module:
    """Return the parsed source of a module."""
    return ast.parse(MODULES[name].read_text("utf-8"))


def teardown_module() -> None:
    """Free the trees, which each garbage collection would look through."""
    tree_of.cache_clear()


def definitions(
    tree: ast.Module,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield each class and function, nested ones too."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            yield node
        todo.extend(statements(node))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a node and may have statements: no expression."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child


def imports(name: str) -> set[str]:
    """Return the package's modules that one imports when it is imported."""
    found: set[str] = set()
    todo: list[ast.AST] = [tree_of(name)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                full = f"{node.module}.{each.name}"
                found.add(full if full in MODULES else node.module)
        todo.extend(statements(node))
    packages = {f"{each}.__init__" for each in found}
    return ((found | packages) & MODULES.keys()) - {name}


def line_count(path: Path) -> int:
    """Return the number of lines below the licence's header."""
    lines = path.read_text("utf-8").splitlines()
    while lines and (lines[0].startswith("# SPDX-") or not lines[0]):
        del lines[0]
    return len(lines)


def test_modules_are_short() -> None:
    long = {
        name: count
        for name, path in MODULES.items()
        if (count := line_count(path)) > MAX_LINES
    }
    assert not long


def test_folders_have_few_modules() -> None:
    files = Counter(path.parent for path in MODULES.values())
    assert not {
        str(folder.relative_to(PACKAGE)): count
        for folder, count in files.items()
        if count > MAX_FILES
    }


def test_small_module_says_why_it_is_apart() -> None:
    unexplained = [
        name
        for name, path in MODULES.items()
        if path.name not in {"__init__.py", "__main__.py"}
        and "migrations" not in path.parts
        and line_count(path) < FEW_LINES
        and not APART.search(ast.get_docstring(tree_of(name)) or "")
    ]
    assert not unexplained


def test_imports_have_no_circle() -> None:
    """Modules without imports are removed repeatedly, until none is left."""
    left = {name: imports(name) for name in MODULES}
    while leaves := [name for name, needs in left.items() if not needs]:
        for name in leaves:
            del left[name]
        for needs in left.values():
            needs.difference_update(leaves)
    # Modules that only lead to a circle are removed as well.
    while roots := left.keys() - set().union(*left.values()):
        for name in roots:
            del left[name]
    assert not left


def test_modules_are_imported_by_statements() -> None:
    """A string hides an import from the type checker and from a search."""
    assert not [
        name
        for name, path in MODULES.items()
        if "import_module" in path.read_text("utf-8")
    ]


def test_protocols_have_several_implementations() -> None:
    found = {
        node.name
        for tree in map(tree_of, MODULES)
        for node in definitions(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base) == "Protocol" for base in node.bases)
    }
    assert found <= PROTOCOLS


def test_classes_have_names_of_their_own() -> None:
    counts = Counter(
        node.name
        for tree in map(tree_of, MODULES)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert not {name for name, count in counts.items() if count > 1}


def test_functions_have_specific_names() -> None:
    vague = {
        f"{name}: {node.name}"
        for name in MODULES
        for node in definitions(tree_of(name))
        if node.name.strip("_") in VAGUE_NAMES
    }
    assert not vague


def test_docstrings_name_the_thing() -> None:
    first = [
        (name, docstring.partition("\n")[0])
        for name in MODULES
        for node in (tree_of(name), *definitions(tree_of(name)))
        if (docstring := ast.get_docstring(node))
    ]
    assert not [
        (name, line)
        for name, line in first
        if (line.split() or [""])[0].strip("`.,:").lower()
        in VAGUE_VERBS | QUESTIONS
    ]
