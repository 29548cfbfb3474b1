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

COUNT = 60
COMMAND = [sys.executable, "-m", "msrv", "import"]


def make_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(COUNT):
            archive.writestr(f"{number:02d} x.bin", os.urandom(1 << 20))
    return path


def environment(library: Path) -> dict[str, str]:
    library.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "MSRV_LIBRARY": str(library),
        "MSRV_DATA": str(library.parent / "data"),
    }


def test_import_without_space_leaves_nothing(tmp_path: Path) -> None:
    """The limit on a file's size stands for a disk that fills up."""
    library = tmp_path / "library"
    environ = environment(library)
    path = make_zip(tmp_path / "Ann - Bus.zip")
    script = 'ulimit -f 1024 && exec "$@"'  # in blocks of 512 bytes
    result = subprocess.run(
        ["sh", "-c", script, "sh", *COMMAND, str(path)],
        cwd=ROOT,
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert result.returncode == 1
    assert "'00 x.bin' File too large" in result.stderr
    assert not list(library.iterdir())


def test_killed_import_offers_nothing(tmp_path: Path) -> None:
    library = tmp_path / "library"
    environ = environment(library)
    path = make_zip(tmp_path / "Ann - Bus.zip")
    command = [*COMMAND, str(path)]
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
    assert len(folder.files) == COUNT
