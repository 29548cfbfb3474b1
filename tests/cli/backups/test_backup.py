# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands `backup` and `restore`."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyrage import x25519

from msrv.cli import main
from msrv.ledger.db.database import FILE_NAME
from msrv.settings import without_secrets
from tests.backup.conftest import new_folder as new_folder  # noqa: PLC0414 - a fixture
from tests.backup.conftest import sold as sold  # noqa: PLC0414 - a fixture
from tests.backup.filled_stores import StoreFolder
from tests.conftest import NONCE

ROOT = Path(__file__).parents[3]


def run(folder: Path, data: Path, *arguments: str, **environ: str) -> Result:
    """Run a command whose backups are in a folder."""
    return CliRunner().invoke(
        main,
        arguments,
        env={
            "NONCE": NONCE,
            "MSRV_DATA": str(data),
            "MSRV_BACKUPS": str(folder / "backups"),
            **environ,
        },
    )


def labels(text: str) -> dict[str, str]:
    return {line[:10].strip(): line[10:] for line in text.splitlines() if line}


def test_backup_and_restore_report_what_they_did(
    sold: StoreFolder, tmp_path: Path
) -> None:
    made = run(tmp_path, sold.data, "backup", MSRV_LINK_HOURS="48")
    assert made.exit_code == 0, made.output
    (path,) = (tmp_path / "backups").iterdir()
    shown = labels(made.stdout)
    assert shown["backup"].startswith(f"{path}, ")
    assert shown["ledger"].startswith("3 orders, the newest of 2027-01-15")
    assert shown["refunds"] == "1 line"
    assert shown["spool"] == "2 events to be written"
    assert shown["outbox"] == "1 mail to be sent"
    assert shown["inbox"] == "1 webhook event"
    assert "keep a copy of it elsewhere" in shown["NONCE"]
    assert "not in the backup" in shown["library"]
    assert NONCE not in made.output

    new = tmp_path / "new"
    done = run(tmp_path, new, "restore", str(path))
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    shown = labels(done.stdout)
    assert shown["restored"] == str(new)
    assert shown["ledger"].startswith("3 orders")
    assert "perhaps a second time" in shown["mails"]
    with sqlite3.connect(new / FILE_NAME) as database:
        acts = database.execute("SELECT act, subject FROM acts").fetchall()
    assert acts == [("restore-backup", path.name)]
    text = (new / "restored" / "settings.env").read_text()
    assert "MSRV_LINK_HOURS=48" in text
    assert NONCE not in text

    again = run(tmp_path, new, "restore", str(path))
    assert again.exit_code == 1
    assert again.stdout == ""
    assert again.stderr.startswith("Error: nothing was restored: ")
    assert "3 in orders" in again.stderr
    assert len(again.stderr.splitlines()) == 1


def test_json_is_for_programs(sold: StoreFolder, tmp_path: Path) -> None:
    made = run(tmp_path, sold.data, "backup", "--json")
    data = json.loads(made.stdout)
    assert data["contents"]["orders"] == 3
    assert data["secrets"] == []
    done = run(tmp_path, tmp_path / "new", "restore", data["file"], "--json")
    assert json.loads(done.stdout)["rows"]["orders"] == 3


def test_nonce_needs_a_recipient(sold: StoreFolder, tmp_path: Path) -> None:
    refused = run(tmp_path, sold.data, "backup", "--with-nonce")
    assert refused.exit_code == 1
    assert "--recipient" in refused.stderr
    assert not list((tmp_path / "backups").glob("*"))


def test_encrypted_backup_has_the_nonce(
    sold: StoreFolder, tmp_path: Path
) -> None:
    key = x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# a comment\n{key}\n")
    made = run(
        tmp_path,
        sold.data,
        "backup",
        "--with-nonce",
        MSRV_BACKUP_RECIPIENT=str(key.to_public()),
    )
    assert made.exit_code == 0, made.output
    (path,) = (tmp_path / "backups").iterdir()
    assert path.name.endswith(".tar.gz.age")
    assert NONCE.encode() not in path.read_bytes()

    new = tmp_path / "new"
    locked = run(tmp_path, new, "restore", str(path))
    assert locked.exit_code == 1
    assert "--identity" in locked.stderr
    done = run(
        tmp_path,
        new,
        "restore",
        str(path),
        "--identity",
        str(tmp_path / "key.txt"),
        NONCE="",
    )
    # An empty NONCE is an error: it is not set on a new machine.
    assert done.exit_code == 1
    environ = {"NONCE": None}
    done = CliRunner().invoke(
        main,
        ["restore", str(path), "--identity", str(tmp_path / "key.txt")],
        env={**environ, "MSRV_DATA": str(new)},
    )
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert (new / "nonce").read_text().strip() == NONCE


@pytest.mark.parametrize(
    ("nonce", "warning"),
    [(NONCE, ""), ("another " + NONCE, "is not that of the backup")],
)
def test_restore_warns_of_another_nonce(
    sold: StoreFolder, tmp_path: Path, nonce: str, warning: str
) -> None:
    run(tmp_path, sold.data, "backup", "--output", str(tmp_path / "b.tar.gz"))
    done = run(
        tmp_path,
        tmp_path / "new",
        "restore",
        str(tmp_path / "b.tar.gz"),
        NONCE=nonce,
    )
    assert done.exit_code == 0
    assert warning in done.stderr
    assert bool(warning) == bool(done.stderr)


def test_backup_is_piped_and_restored_from_a_pipe(
    sold: StoreFolder, tmp_path: Path
) -> None:
    def command(data: Path, *arguments: str) -> list[str]:
        return [
            "env",
            f"MSRV_DATA={data}",
            f"NONCE={NONCE}",
            sys.executable,
            "-m",
            "msrv",
            *arguments,
        ]

    made = subprocess.run(
        command(sold.data, "backup", "--output", "-"),
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert b"3 orders" in made.stderr
    assert made.stdout[:2] == b"\x1f\x8b"
    new = StoreFolder(tmp_path / "new")
    subprocess.run(
        command(new.data, "restore", "-"),
        cwd=ROOT,
        input=made.stdout,
        capture_output=True,
        check=True,
        timeout=120,
    )
    # Each records itself, after it was done.
    had, has = sold.rows(), new.rows()
    acts = [each.pop("acts") for each in (had, has)]
    assert [[row["act"] for row in each] for each in acts] == [
        ["make-backup"],
        ["restore-backup"],
    ]
    assert has == had
    assert not list(new.data.glob(".*"))
    cut = subprocess.run(
        command(tmp_path / "cut", "restore", "-"),
        cwd=ROOT,
        input=made.stdout[:-40],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert cut.returncode == 1
    assert b"Error: the backup is cut short" in cut.stderr


def test_output_that_is_full_is_named(sold: StoreFolder) -> None:
    """One line, and nothing more when the process ends."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "msrv", "backup", "--output", "-"],
            cwd=ROOT,
            env=os.environ | {"MSRV_DATA": str(sold.data), "NONCE": NONCE},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr == (
        b"Error: standard output: No space left on device\n"
    )


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_help_has_an_example(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"]).output
    assert f"msrv {command} " in shown.partition("Examples:")[2]


def test_settings_are_described_without_secrets() -> None:
    environ = {
        "NONCE": "secret-a",
        "MSRV_STRIPE_KEY": "secret-b",
        "MSRV_STRIPE_WEBHOOK_SECRET_FILE": "/run/secrets/webhook",
        "MSRV_LINK_HOURS": "48",
        "MSRV_MAIL_FROM": "two\nlines",
        "PATH": "/bin",
    }
    text = without_secrets(environ)
    assert "secret-" not in text
    assert text.splitlines() == [
        "MSRV_LINK_HOURS=48",
        "# MSRV_STRIPE_KEY is a secret, and not in this file",
        "MSRV_STRIPE_WEBHOOK_SECRET_FILE=/run/secrets/webhook",
        "# NONCE is a secret, and not in this file",
    ]
