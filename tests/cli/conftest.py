# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands, run in this process on a small library."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msrv.cli import main
from tests.conftest import NONCE
from tests.shared_store_parts import SharedStoreParts


class Cli:
    """Runs commands on a library."""

    def __init__(self, library: Path, data: Path) -> None:
        self.environ = {
            "NONCE": NONCE,
            "MSRV_LIBRARY": str(library),
            "MSRV_DATA": str(data),
            "MSRV_SETTLE_SECONDS": "0",
        }

    def __call__(
        self, *arguments: str, stdin: str | None = None, **environ: str
    ) -> Result:
        return CliRunner().invoke(
            main, arguments, input=stdin, env=self.environ | environ
        )


SHOP = {"MSRV_PUBLIC_URL": "https://shop.example"}


@pytest.fixture
def shop_cli(cli: Cli) -> Cli:
    """Commands on that library, for a store with an address."""
    cli.environ |= SHOP
    return cli


@pytest.fixture
def cli(
    library: Path,
    tmp_path: Path,
    shared_store_parts: SharedStoreParts,
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """Commands on the small library, with a parser that runs already."""
    monkeypatch.setattr(
        "msrv.cli.catalog.Parser", shared_store_parts.parser_for
    )
    return Cli(library, tmp_path / "data")
