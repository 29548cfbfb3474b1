# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Machine with systemd, on which a wheel of this tree is installed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.optional_programs import require
from tests.packaging.conftest import wheel
from tests.store_process import ROOT
from tests.systemd.machine import Machine, boot, missing_requirement

__all__ = ["wheel"]


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
