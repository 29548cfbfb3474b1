# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Taking over the spools of terminated processes."""

import signal
import subprocess
import sys
from pathlib import Path

from msrv.ledger import segments
from msrv.ledger.orphaned_spools import acquire_orphans
from msrv.ledger.segments import SegmentWriter
from tests.ledger.sample_events import sale
from tests.store_process import ROOT

CHILD = """
import sys, time
from pathlib import Path
from msrv.ledger import segments
from msrv.ledger.segments import SegmentWriter
from tests.ledger.sample_events import sale
writer = SegmentWriter(Path(sys.argv[1]))
writer.write(segments.encode_record(sale(int(sys.argv[2]))))
print("written", flush=True)
time.sleep(60)
"""


def test_orphans_are_of_terminated_processes_only(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    own = SegmentWriter(root)
    own.write(segments.encode_record(sale(1)))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root), "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    with child, child.stdout:
        assert child.stdout.readline() == "written\n"
        assert list(acquire_orphans(root, own.folder)) == []
        # Without `own` the folder is skipped as well, since it is locked.
        assert list(acquire_orphans(root, None)) == []
        child.send_signal(signal.SIGKILL)
    (left,) = acquire_orphans(root, own.folder)
    assert list(acquire_orphans(root, own.folder)) == []
    (path,) = left.segment_paths
    assert segments.read_records(path, 0).events == (sale(2),)
    left.release(delete=False)
    (again,) = acquire_orphans(root, own.folder)
    again.release(delete=True)
    assert not again.folder.exists()
    own.close()
