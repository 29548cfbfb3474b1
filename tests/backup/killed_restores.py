# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Restore that is killed again and again, a moment later each time.

A program of its own, that forks: `killed_restores.py BACKUP DATA [URL]`. It
prints how often a draft was left, once a restore has finished.
"""

import os
import signal
import sys
import time
from pathlib import Path

from msrv.backup.errors import RestoreRefused
from msrv.backup.reader import BackupFile
from msrv.backup.restoration import RestoreTarget, restore
from msrv.storage.data_folder import DRAFT_NAME, DataFolderLocked, shared_lock

STEP_SECONDS = 0.02


def main(backup: Path, target: RestoreTarget) -> int:
    """Restore until it is done; return how often a draft was left."""
    draft = target.data / DRAFT_NAME
    left = 0
    while True:
        child = os.fork()
        if not child:
            os._exit(run(backup, target))
        while not os.waitid(
            os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT
        ) and not (draft.is_dir()):
            time.sleep(0.002)
        time.sleep(STEP_SECONDS * left**2)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or status == 0, "it was refused"
        if draft.is_dir():
            left += 1
            check_store_does_not_start(target.data)
        elif (
            not os.WIFSIGNALED(status)
            or (target.data / "configuration.json").exists()
        ):
            # Finished; or killed after it had removed its draft.
            return left


def run(backup: Path, target: RestoreTarget) -> int:
    """Restore, and return an exit status."""
    try:
        restore(BackupFile(backup), target)
    except RestoreRefused as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program
        return 1
    return 0


def check_store_does_not_start(data: Path) -> None:
    """Raise AssertionError if a store would start on half a restore."""
    try:
        with shared_lock(data):
            raise AssertionError("a store would have started")
    except DataFolderLocked:
        pass


if __name__ == "__main__":
    url = sys.argv[3] if len(sys.argv) > 3 else None
    place = RestoreTarget(Path(sys.argv[2]), url)
    print(main(Path(sys.argv[1]), place))  # noqa: T201 - a program
