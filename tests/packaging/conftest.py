# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Wheel of this tree, and environments with nothing but that in them."""

import functools
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.optional_programs import require
from tests.packaging.interpreters import SUPPORTED, find_interpreter
from tests.store_process import ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
STEP_SECONDS = 600


def pip(*arguments: str | Path) -> None:
    """Run pip. Skips the test where no package index can be reached."""
    result = subprocess.run(
        [*PIP, *arguments],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )
    require(
        "pypi",
        available=result.returncode == 0 or "Retrying (" not in result.stderr,
        reason="no package index can be reached",
    )
    assert result.returncode == 0, result.stdout + result.stderr


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this tree as pip does; return its path."""
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


def write_constraints(path: Path) -> None:
    """Write what requirements.txt pins, without hashes: a wheel has none."""
    locked = (ROOT / "requirements.txt").read_text("utf-8")
    found = re.findall(r"^\S+==\S+", locked, re.MULTILINE)
    path.write_text("\n".join(found), "utf-8")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel of this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions to install."""
    path = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    write_constraints(path)
    return path


@dataclass(frozen=True, slots=True)
class Environment:
    """Virtual environment with the wheel; programs run in an empty folder."""

    folder: Path
    wheel: Path
    constraints: Path

    @property
    def python(self) -> Path:
        """Path of its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def msrv(self) -> Path:
        """Path of the console script."""
        return self.folder / "venv" / "bin" / "msrv"

    @property
    def empty(self) -> Path:
        """Folder without files."""
        return self.folder / "empty"

    @property
    def packages(self) -> Path:
        """Folder of the installed packages."""
        (found,) = self.folder.glob("venv/lib/python*/site-packages")
        return found

    def install(self, *extras: str) -> None:
        """Install the wheel with extras."""
        target = f"{self.wheel}[{','.join(extras)}]" if extras else self.wheel
        options = ("-q", "--no-compile", "-c", self.constraints)
        pip("--python", self.python, "install", *options, target)

    def run(
        self, *command: str | Path, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program, with the variables given and PATH alone."""
        return subprocess.run(
            command,
            cwd=self.empty,
            env={
                "PATH": os.environ["PATH"],
                "MSRV_DATA": str(self.folder / "data"),
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )


def create_environment(
    folder: Path, python: Path, wheel: Path, constraints: Path
) -> Environment:
    """Create an environment with the wheel, and without extras."""
    found = Environment(folder, wheel, constraints)
    found.empty.mkdir()
    subprocess.run(
        [python, "-m", "venv", "--without-pip", folder / "venv"],
        check=True,
        timeout=STEP_SECONDS,
    )
    found.install()
    return found


@pytest.fixture(scope="session")
def environment_of(
    wheel: Path, constraints: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Environment]:
    """Return the environment of a version of Python, made once."""

    @functools.cache
    def create(version: str) -> Environment:
        python = find_interpreter(version)
        require(
            f"python{version}",
            available=python is not None,
            reason=f"python{version} is not installed",
        )
        assert python
        folder = tmp_path_factory.mktemp(f"python{version}-")
        return create_environment(folder, python, wheel, constraints)

    return create


@pytest.fixture(scope="session", params=SUPPORTED)
def environment(
    request: pytest.FixtureRequest,
    environment_of: Callable[[str], Environment],
) -> Environment:
    """Environment of each supported Python."""
    return environment_of(request.param)


@pytest.fixture(scope="session")
def oldest_environment(
    environment_of: Callable[[str], Environment],
) -> Environment:
    """Environment of the oldest supported Python."""
    return environment_of(SUPPORTED[0])


def names_in(wheel: Path) -> Sequence[str]:
    """Return the names of a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()
