# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `certificate`, without an authority; tests/acme has one."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from msrv.acme.pem import create_placeholder
from msrv.acme.state import StateFolder
from msrv.settings.optional_packages import EXTRAS
from tests.cli.conftest import Cli

DOMAIN = {"MSRV_DOMAIN": "shop.example"}


def issue(data: Path, days: int) -> None:
    """Write a certificate that expires in some days."""
    state = StateFolder(data)
    state.create()
    at = datetime.now(UTC) + timedelta(days=days - 365, hours=1)
    state.save_certificate(create_placeholder(("shop.example",), at))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Data folder of the commands."""
    return tmp_path / "data"


def test_store_without_a_domain_has_none(cli: Cli) -> None:
    found = cli("certificate")
    assert found.exit_code == 1
    assert found.stderr == (
        "Error: MSRV_DOMAIN is not set: this store requests no certificates\n"
    )


def test_first_certificate_is_awaited(cli: Cli) -> None:
    found = cli("certificate", **DOMAIN)
    assert found.exit_code == 1
    assert "waiting for a certificate from acme-v02.api" in found.stdout


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [(20, 0, "20 days left"), (-1, 1, "the certificate expired on")],
)
def test_state_is_shown(
    cli: Cli, data: Path, days: int, status: int, words: str
) -> None:
    issue(data, days)
    found = cli("certificate", **DOMAIN)
    assert found.exit_code == status
    assert words in found.stdout


def test_json_is_for_programs(cli: Cli, data: Path) -> None:
    issue(data, 20)
    shown = json.loads(cli("certificate", "--json", **DOMAIN).stdout)
    assert shown["names"] == ["shop.example"]
    expires_at = datetime.fromisoformat(shown["expires_at"])
    assert timedelta(19) < expires_at - datetime.now(UTC) < timedelta(21)


def test_renewal_that_fails_exits_with_1_and_keeps_the_certificate(
    cli: Cli, data: Path
) -> None:
    issue(data, 20)
    before = StateFolder(data).certificate.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    directory = f"https://127.0.0.1:{port}/dir"
    found = cli(
        "certificate", "--renew", MSRV_ACME_DIRECTORY=directory, **DOMAIN
    )
    assert found.exit_code == 1
    assert "Connection refused" in found.stdout
    assert "next try" in found.stdout
    assert StateFolder(data).certificate.read_bytes() == before


def test_missing_extra_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRAS, "acme", ("no_such_module",))
    for command in ("certificate", "serve"):
        found = cli(command, **DOMAIN)
        assert found.exit_code == 1
        assert found.stderr.splitlines()[-1] == (
            "Error: MSRV_DOMAIN needs an extra package: "
            "pip install 'msrv[acme]'"
        )
