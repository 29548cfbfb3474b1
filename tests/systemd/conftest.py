# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Machine with systemd, on which a wheel of this tree is installed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import require
from tests.store_process import ROOT
from tests.systemd.machine import (
    STEP_SECONDS,
    Machine,
    boot,
    missing_requirement,
)

_SOURCES: Final = ("pyproject.toml", "README.md", "LICENSE")
_SOURCE_FOLDERS: Final = ("msrv", "deploy", "LICENSES")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel, built in a copy of the tree, where the build leaves its files."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for name in (*_SOURCES, *_SOURCE_FOLDERS):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name)
        elif (ROOT / name).exists():
            tree.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tree)
    built = subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index",
            "--no-build-isolation", f"--wheel-dir={folder}", tree,
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def machine(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Machine with the store in /opt/msrv/.venv and a library, for a module.

    Nothing else of the store is on it yet: no unit, no settings, no secret.
    """
    missing = missing_requirement()
    require("mount", available=missing is None, reason=missing or "")
    folder = tmp_path_factory.mktemp("machine")
    (folder / "wheel").mkdir()
    shutil.copy(wheel, folder / "wheel")
    shutil.copytree(ROOT / "msrv" / "demo", folder / "files" / "srv" / "music")
    subprocess.run(["chmod", "-R", "a+rX", folder / "files"], check=True)
    booted = boot(folder)
    yield booted
    booted.stop()
