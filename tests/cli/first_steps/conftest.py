# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands of an operator who has no settings yet, each in a process."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.store_process import ROOT, START_SECONDS


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Runs `python -m msrv` in a folder, without any setting."""

    folder: Path

    def __call__(
        self, *arguments: str, stdin: str = "", **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "msrv", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
            | environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    """Commands in an empty folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return Newcomer(folder)
