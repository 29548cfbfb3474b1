# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`deploy/update.sh`: the Compose files that it updates a stack with."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.store_process import ROOT

DOCKER = """#!/bin/sh
[ "$2" != config ] || echo app
echo "${COMPOSE_FILE-of .env}" >>asked
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Folder with the script, and programs that do nothing."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "update.sh", tmp_path / "deploy")
    for name, text in (
        ("deploy/pin-images.sh", "#!/bin/sh\n"),
        ("docker", DOCKER),
    ):
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def compose_files(checkout: Path, **environ: str) -> set[str]:
    """Run the script; return what each `docker compose` was given."""
    clean = {k: v for k, v in os.environ.items() if k != "COMPOSE_FILE"}
    path = f"{checkout}:{os.environ['PATH']}"
    subprocess.run(
        [checkout / "deploy" / "update.sh"],
        env={**clean, "PATH": path, **environ},
        check=True,
        capture_output=True,
    )
    return {*(checkout / "asked").read_text("utf-8").splitlines()}


@pytest.mark.parametrize(
    "line",
    [
        "COMPOSE_FILE=docker-compose.prod.yml:deploy/payments.yml",
        'COMPOSE_FILE="docker-compose.prod.yml"',
        "  export COMPOSE_FILE = a.yml",
    ],
)
def test_files_of_the_env_file_are_used(checkout: Path, line: str) -> None:
    (checkout / ".env").write_text(f"A=b\n{line}\n", "utf-8")
    assert compose_files(checkout) == {"of .env"}
    # Compose would prefer an empty variable to the file.
    assert compose_files(checkout, COMPOSE_FILE="") == {"of .env"}


def test_files_of_the_environment_are_preferred(checkout: Path) -> None:
    (checkout / ".env").write_text("COMPOSE_FILE=a.yml\n", "utf-8")
    assert compose_files(checkout, COMPOSE_FILE="b.yml") == {"b.yml"}


@pytest.mark.parametrize(
    "line", ["", "COMPOSE_FILE=", 'COMPOSE_FILE=""', "#COMPOSE_FILE=a.yml"]
)
def test_production_file_is_the_default(checkout: Path, line: str) -> None:
    assert compose_files(checkout) == {"docker-compose.prod.yml"}
    (checkout / ".env").write_text(f"{line}\n", "utf-8")
    assert compose_files(checkout) == {"docker-compose.prod.yml"}
