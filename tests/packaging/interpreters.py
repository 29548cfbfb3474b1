# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Interpreters of Python on this machine: on the path, and pyenv's."""

import os
import shutil
import subprocess
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def find_interpreter(version: str) -> Path | None:
    """Return the path of an interpreter, None if there is none."""
    for path in _candidates(version):
        if runs(path, version):
            return path
    return None


def runs(path: Path, version: str) -> bool:
    """Return whether a program is an interpreter of a version, with venv.

    pyenv puts programs on the path that start no interpreter.
    """
    code = "import sys, venv; print(*sys.version_info[:2], sep='.')"
    try:
        result = subprocess.run(
            [path, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except OSError:
        return False
    return result.returncode == 0 and result.stdout.strip() == version


def _candidates(version: str) -> list[Path]:
    name = f"python{version}"
    found = [
        Path(folder, name)
        for folder in os.get_exec_path()
        if shutil.which(name, path=folder)
    ]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return found + sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))
