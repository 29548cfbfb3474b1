# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""deploy/secrets.sh: the secrets of the production stack."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.store_process import ROOT

NAMES = {"nonce", "db_root", "db_store", "db_migrator"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Folder with the script in its place."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path / "deploy")
    return tmp_path


def run_script(
    checkout: Path, folder: str = "secrets", **environ: str
) -> dict[str, str]:
    """Run the script; return the contents of each file in a folder."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NONCE", "MSRV_SECRETS"}
    }
    subprocess.run(
        [checkout / "deploy" / "secrets.sh"],
        env={**clean, **environ},
        check=True,
        capture_output=True,
    )
    made = checkout / folder
    assert made.stat().st_mode & 0o777 == 0o700
    for each in made.iterdir():
        assert each.stat().st_mode & 0o777 == 0o444
    return {each.name: each.read_text("utf-8") for each in made.iterdir()}


def test_secrets_are_created_once(checkout: Path) -> None:
    made = run_script(checkout)
    assert set(made) == NAMES
    assert re.fullmatch("[0-9a-f]{64}\n", made["nonce"])
    assert run_script(checkout) == made


def test_each_store_gets_a_different_secret(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        (tmp_path / name / "deploy").mkdir(parents=True)
        script = ROOT / "deploy" / "secrets.sh"
        shutil.copy(script, tmp_path / name / "deploy")
        made.append(run_script(tmp_path / name)["nonce"])
    assert made[0] != made[1]


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("NONCE=abc-DEF_123", "abc-DEF_123"),
        ("NONCE='with space = & $HOME'", "with space = & $HOME"),
        ('NONCE="in double"', "in double"),
        ("NONCE=abc#def # a comment ", "abc#def"),
        ('NONCE="abc # def"', "abc # def"),
        ("  export NONCE = abc\r", "abc"),
        ("NONCE=first\nNONCE=last", "last"),
    ],
)
def test_nonce_in_the_env_file_is_kept(
    checkout: Path, line: str, secret: str
) -> None:
    (checkout / ".env").write_text(f"A=b\n{line}\nC=d\n", "utf-8")
    assert run_script(checkout)["nonce"] == f"{secret}\n"


def test_environment_overrides_the_env_file(checkout: Path) -> None:
    (checkout / ".env").write_text("NONCE=of-the-file\n", "utf-8")
    made = run_script(checkout, NONCE="of the environment")
    assert made["nonce"] == "of the environment\n"


@pytest.mark.parametrize("line", ["NONCE=", "NONCE_PREVIOUS=old", "#NONCE=x"])
def test_other_lines_of_the_env_file_are_ignored(
    checkout: Path, line: str
) -> None:
    (checkout / ".env").write_text(f"{line}\n", "utf-8")
    assert re.fullmatch("[0-9a-f]{64}\n", run_script(checkout)["nonce"])


def test_folder_is_that_of_the_stack(checkout: Path) -> None:
    (checkout / ".env").write_text("MSRV_SECRETS='./of file'\n", "utf-8")
    assert set(run_script(checkout, "of file")) == NAMES
    found = run_script(
        checkout, "of-environment", MSRV_SECRETS="of-environment"
    )
    assert set(found) == NAMES
    assert not (checkout / "secrets").exists()
