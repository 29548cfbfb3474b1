# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`doctor`: its lines, its JSON, and its exit status."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.conftest import NONCE
from tests.store_process import free_port


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "MSRV_PORT": str(free_port()),
        "MSRV_CERTS": str(tmp_path / "certs"),
    }


def test_doctor_prints_a_line_for_each_check(
    cli: Cli, environ: dict[str, str]
) -> None:
    result = cli("doctor", **environ)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Warn  DNS          MSRV_PUBLIC_URL is not")
    assert lines[1].startswith("      fix          set it to the address")
    for name in (
        "DNS certificate ports clock disk permissions keys relay Stripe "
        "ffmpeg database"
    ).split():
        assert any(line[6:].startswith(name) for line in lines), name
    assert "0 failures" in lines[-1]
    assert result.stderr == ""
    assert "\x1b" not in result.stdout


def test_doctor_prints_json(cli: Cli, environ: dict[str, str]) -> None:
    rows = json.loads(cli("doctor", "--json", **environ).stdout)
    assert rows[0]["check"] == "DNS"
    assert {each["outcome"] for each in rows} <= {"pass", "warn"}
    for each in rows:
        assert set(each) == {"check", "outcome", "text", "fix"}
        assert bool(each["fix"]) == (each["outcome"] != "pass")


def test_doctor_fails_with_status_1_and_without_secrets(
    cli: Cli, environ: dict[str, str]
) -> None:
    secrets = {
        "MSRV_SMTP_URL": f"smtp://user:secret-1@127.0.0.1:{free_port()}",
        "MSRV_DATABASE": "mysql://user:secret-2@127.0.0.1:1/x",
        "MSRV_STRIPE_KEY": "sk_test_secret3",
        "MSRV_STRIPE_WEBHOOK_SECRET": "whsec_secret4",
        "MSRV_STRIPE_API": f"http://127.0.0.1:{free_port()}",
        "MSRV_MAIL_FROM": "shop@example.org",
        "MSRV_PUBLIC_URL": "https://shop.invalid",
    }
    result = cli("doctor", "--json", **environ, **secrets)
    assert result.exit_code == 1
    failures = {
        each["check"]
        for each in json.loads(result.stdout)
        if each["outcome"] == "fail"
    }
    assert failures == {"DNS", "address", "relay", "Stripe", "database"}
    for word in (NONCE, "secret-1", "secret-2", "secret3", "secret4"):
        assert word not in result.output


def test_doctor_changes_nothing(
    cli: Cli, environ: dict[str, str], tmp_path: Path
) -> None:
    """Least of all does it generate a NONCE as another user."""
    before = sorted(tmp_path.rglob("*"))
    result = cli("doctor", **environ, NONCE="")
    assert "NONCE is empty" in result.stderr
    del cli.environ["NONCE"]
    assert cli("doctor", **environ).exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("address", ["me", "me@example", "a b@example.org"])
def test_doctor_refuses_a_bad_address(cli: Cli, address: str) -> None:
    result = cli("doctor", "--mail", address)
    assert result.exit_code == 2
    assert "--mail" in result.stderr


def test_doctor_reports_a_wrong_setting_in_one_line(cli: Cli) -> None:
    result = cli("doctor", MSRV_PORT="x")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: MSRV_PORT")
    assert len(result.stderr.splitlines()) == 1
