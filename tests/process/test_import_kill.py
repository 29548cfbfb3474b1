# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""An `import` that is killed leaves nothing for sale."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from msrv.catalog.drafts.release_folders import DRAFT_PREFIX
from msrv.catalog.library.scan import scan
from tests.store_process import ROOT, START_SECONDS


def test_killed_import_offers_nothing(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    path = tmp_path / "Ann - Bus.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(1, 60):
            archive.writestr(f"{number:02d} x.bin", os.urandom(1 << 20))
    command = [sys.executable, "-m", "msrv", "import", str(path)]
    environ = {
        "PATH": os.environ["PATH"],
        "MSRV_LIBRARY": str(library),
        "MSRV_DATA": str(tmp_path / "data"),
    }
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + START_SECONDS
        while not list(library.glob(f"{DRAFT_PREFIX}*/.5")):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert scan(library).folders == []
    subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
    )
    (folder,) = scan(library).folders
    assert folder.path == "Ann/Bus"
    assert len(folder.files) == 59
