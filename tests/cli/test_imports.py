# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Modules that a command imports: its own work, and little else.

The number of modules doesn't depend on a busy machine, as time would.
"""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from msrv.cli import main
from tests.cli.conftest import Cli

MUCH = frozenset({"aiohttp", "cryptography", "jinja2", "pydantic"})
WEB = frozenset({"aiohttp", "jinja2", "msrv.web", "msrv.server.server"})
DATABASE = frozenset({"sqlalchemy", "alembic"})
MEDIA = frozenset({"mutagen", "PIL", "fpdf", "webauthn", "trustme", "segno"})
SELDOM = frozenset({"markdown_it", "msrv.web.openapi.document"})
OPTIONAL = frozenset({"acme", "aiomysql", "josepy", "pyrage", "stripe"})
MODULES_OF_A_STORE = 850
"""Bound of those that a store imports before it answers, some over their
number. Those of the standard library are left out: each Python has others."""


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """Return the modules that Python imports, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "MSRV_LIBRARY": str(folder / "library"),
            "MSRV_DATA": str(folder / "data"),
        },
    )
    return {
        line.rpartition("|")[2].strip()
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }


@pytest.mark.parametrize("arguments", [("nonce",), ("--help",)])
def test_small_command_imports_little(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    found = imported_by(tmp_path, "-m", "msrv", *arguments)
    assert "click" in found
    assert not found & (MUCH | WEB | DATABASE | MEDIA)
    assert len(found) < 250


@pytest.mark.usefixtures("library")
def test_check_imports_no_web_and_no_database(tmp_path: Path) -> None:
    found = imported_by(tmp_path, "-m", "msrv", "check")
    assert "msrv.catalog.library.loader" in found
    assert not found & (WEB | DATABASE)


def test_store_imports_what_it_needs_to_answer(tmp_path: Path) -> None:
    """The rest is imported when it is used, and the database in a thread."""
    code = "import msrv.cli.serve, msrv.app, msrv.server.server"
    found = imported_by(tmp_path, "-c", code)
    assert "msrv.web.shop.storefront" in found
    assert not found & (DATABASE | MEDIA | OPTIONAL | SELDOM)
    others = {
        each
        for each in found
        if each.partition(".")[0] not in sys.stdlib_module_names
    }
    assert len(others) < MODULES_OF_A_STORE
    ours = {each for each in found if each.startswith("msrv.")}
    assert {each for each in ours if each.startswith("msrv.cli.")} <= {
        "msrv.cli.errors",
        "msrv.cli.nonce",
        "msrv.cli.options",
        "msrv.cli.serve",
    }
    assert not any(
        each.startswith(("msrv.backup", "msrv.catalog.imports"))
        for each in ours
    )


def test_help_lists_each_command_with_its_first_sentence(cli: Cli) -> None:
    context = click.Context(main)
    for name, entry in main.entries.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.hidden == entry.hidden
        own = command.get_short_help_str(limit=1000)
        summary = click.Command(name, help=entry.summary)
        assert summary.get_short_help_str(limit=1000) == own
    text = cli("--help").stdout
    assert "\n  check        List what is for sale, and every" in text
    assert "\n  catalog" not in text


def test_mistyped_command_is_recognised(cli: Cli) -> None:
    result = cli("chek")
    assert result.exit_code == 2
    assert "Did you mean 'check'?" in result.stderr
