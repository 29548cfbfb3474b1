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
    """A folder in which the script is where it belongs."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path / "deploy")
    return tmp_path


def make(checkout: Path, **environ: str) -> dict[str, str]:
    """Run it; what each file in `secrets` holds then."""
    clean = {k: v for k, v in os.environ.items() if k != "NONCE"}
    subprocess.run(
        [checkout / "deploy" / "secrets.sh"],
        env={**clean, **environ},
        check=True,
        capture_output=True,
    )
    folder = checkout / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    for each in folder.iterdir():
        assert each.stat().st_mode & 0o777 == 0o444
    return {each.name: each.read_text("utf-8") for each in folder.iterdir()}


def test_every_secret_is_made_once(checkout: Path) -> None:
    """A second run changes the secret, and no receipt works again."""
    made = make(checkout)
    assert set(made) == NAMES
    assert re.fullmatch("[0-9a-f]{64}\n", made["nonce"])
    assert make(checkout) == made


def test_each_store_has_a_secret_of_its_own(tmp_path: Path) -> None:
    """Two stores have the same secret."""
    made = []
    for name in ("one", "other"):
        (tmp_path / name / "deploy").mkdir(parents=True)
        script = ROOT / "deploy" / "secrets.sh"
        shutil.copy(script, tmp_path / name / "deploy")
        made.append(make(tmp_path / name)["nonce"])
    assert made[0] != made[1]


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("NONCE=abc-DEF_123", "abc-DEF_123"),
        ("NONCE='with space = & $HOME'", "with space = & $HOME"),
        ('NONCE="in double"', "in double"),
        ("export NONCE=abc\r", "abc"),
        ("NONCE=first\nNONCE=last", "last"),
    ],
)
def test_the_secret_of_a_store_that_has_one_is_kept(
    checkout: Path, line: str, held: str
) -> None:
    """An update gives a store a new secret beside the one in .env."""
    (checkout / ".env").write_text(f"A=b\n{line}\nC=d\n", "utf-8")
    assert make(checkout)["nonce"] == f"{held}\n"


def test_the_environment_goes_before_the_file(checkout: Path) -> None:
    """The file gets another secret than the one that the stack runs with."""
    (checkout / ".env").write_text("NONCE=of-the-file\n", "utf-8")
    made = make(checkout, NONCE="of the environment")
    assert made["nonce"] == "of the environment\n"


@pytest.mark.parametrize("line", ["NONCE=", "NONCE_PREVIOUS=old", "#NONCE=x"])
def test_another_line_is_no_secret(checkout: Path, line: str) -> None:
    """An empty or an older secret is what all receipts rest on."""
    (checkout / ".env").write_text(f"{line}\n", "utf-8")
    assert re.fullmatch("[0-9a-f]{64}\n", make(checkout)["nonce"])
