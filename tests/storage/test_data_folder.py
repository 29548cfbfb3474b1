# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Data folders that last, and their locks between stores and a restore."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from msrv.settings import Settings
from msrv.storage.data_folder import (
    DRAFT_NAME,
    DataFolderLocked,
    DataFolderTemporary,
    exclusive_lock,
    require_permanence,
    shared_lock,
)
from tests.conftest import StartStore
from tests.optional_programs import require

POD: Final = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
EMPTY_DIR: Final = (
    "/var/lib/kubelet/pods/6a1e/volumes/kubernetes.io~empty-dir/data"
)


def test_several_stores_share_a_folder(tmp_path: Path) -> None:
    with shared_lock(tmp_path / "new"), shared_lock(tmp_path / "new"):
        pass


def test_restore_waits_for_no_store(tmp_path: Path) -> None:
    with (
        shared_lock(tmp_path),
        pytest.raises(DataFolderLocked, match="stop it first"),
        exclusive_lock(tmp_path),
    ):
        pass
    with exclusive_lock(tmp_path):
        pass


def test_store_does_not_start_during_a_restore(tmp_path: Path) -> None:
    with (
        exclusive_lock(tmp_path),
        pytest.raises(DataFolderLocked, match="is being restored"),
        shared_lock(tmp_path),
    ):
        pass
    with shared_lock(tmp_path):
        pass


def test_store_does_not_start_after_half_a_restore(tmp_path: Path) -> None:
    (tmp_path / DRAFT_NAME).mkdir()
    with (
        pytest.raises(DataFolderLocked, match="msrv restore"),
        shared_lock(tmp_path),
    ):
        pass


def test_folder_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("msrv.files.fcntl.flock", fail)
    with shared_lock(tmp_path):
        pass
    with pytest.raises(OSError, match="No locks"), exclusive_lock(tmp_path):
        pass


async def test_running_store_holds_the_lock(
    start_store: StartStore, settings: Settings
) -> None:
    client = await start_store(settings)
    with pytest.raises(DataFolderLocked), exclusive_lock(settings.data):
        pass
    await client.close()
    with exclusive_lock(settings.data):
        assert os.listdir(settings.data)  # noqa: PTH208 - any name


@pytest.mark.parametrize(
    ("mount", "environ", "lasts"),
    [
        (f"{EMPTY_DIR} /data rw - ext4 /dev/vda1 rw", {}, False),
        # The kubelet's folder on a disk of its own.
        (f"{EMPTY_DIR[16:]} /data rw - xfs /dev/vdb rw", {}, False),
        (f"{EMPTY_DIR} /with\\040space rw - ext4 /dev/vda1 rw", {}, False),
        ("/ /data rw - tmpfs tmpfs rw", POD, False),
        ("/ /data rw - tmpfs tmpfs rw", {}, True),
        # A claim, a folder of the node, and an emptyDir elsewhere.
        ("/ /data rw - ext4 /dev/vdb rw", POD, True),
        ("/srv/msrv /data rw - ext4 /dev/vda1 rw", POD, True),
        (f"{EMPTY_DIR} /tmp rw - ext4 /dev/vda1 rw", POD, True),
        (f"{EMPTY_DIR} /dat rw - ext4 /dev/vda1 rw", POD, True),
        ("", POD, True),
        ("nonsense", POD, True),
    ],
)
def test_empty_dir_of_kubernetes_is_refused(
    tmp_path: Path, mount: str, environ: dict[str, str], *, lasts: bool
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "20 1 0:19 / / rw,relatime - overlay overlay rw,lowerdir=/x\n"
        f"21 20 252:1 {mount}\n"
    )
    folder = Path("/with space" if "space" in mount else "/data")
    if lasts:
        require_permanence(folder, environ, mounts)
    else:
        with pytest.raises(DataFolderTemporary, match="PersistentVolumeClaim"):
            require_permanence(folder, environ, mounts)


def test_claim_over_an_empty_dir_lasts(tmp_path: Path) -> None:
    """The last mount of a point counts, and an inner one before an outer."""
    mounts = tmp_path / "mountinfo"
    outer = f"21 20 252:1 {EMPTY_DIR} /srv rw - ext4 /dev/vda1 rw\n"
    inner = "22 21 252:2 / /srv/data rw - ext4 /dev/vdb rw\n"
    mounts.write_text(outer + inner)
    require_permanence(Path("/srv/data"), POD, mounts)
    with pytest.raises(DataFolderTemporary):
        require_permanence(Path("/srv/other"), POD, mounts)
    require_permanence(Path("/srv/data"), POD, tmp_path / "missing")


@pytest.mark.slow
def test_store_refuses_an_empty_dir(tmp_path: Path) -> None:
    """By a real mount, in a namespace of its own."""
    can_mount = (
        shutil.which("unshare") is not None
        and subprocess.run(
            ["unshare", "--mount", "true"], check=False, capture_output=True
        ).returncode
        == 0
    )
    require("mount", available=can_mount, reason="mounts are not permitted")
    volume = tmp_path / "kubernetes.io~empty-dir" / "data"
    volume.mkdir(parents=True)
    data = tmp_path / "data"
    data.mkdir()
    done = subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            'mount --bind "$0" "$1" && shift && exec "$@"',
            volume,
            data,
            sys.executable,
            "-m",
            "msrv",
            "serve",
            "--port=0",
            "--no-tls",
        ],
        env={**os.environ, "MSRV_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert "is an emptyDir, which Kubernetes deletes" in done.stderr
