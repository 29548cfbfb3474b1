# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Drill: a rehearsal of coming back from the newest backup.

In a scratch folder it restores a backup, starts a store on it with the real
library, opens every receipt that the ledger can reproduce, and fetches both
ends of each item that was sold; then it takes the ledger away, and does it
again. Nothing of the real store is written to or asked for.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msrv.backup.errors import BackupError
from msrv.backup.manifest import Manifest
from msrv.backup.reader import BackupFile
from msrv.backup.rehearsal import DATA_NAME, DrillReport, Rehearsal
from msrv.backup.restoration import RestoreTarget, restore
from msrv.backup.writer import Progress
from msrv.display_text import reason_of
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings


@dataclass(frozen=True, slots=True)
class Drill:
    """Drill of one backup, with the real store's settings.

    `nonces` are NONCE and NONCE_PREVIOUS, by those names. `tokens` are texts
    with receipts that buyers hold. `scratch` is where the scratch folder is
    made, None for the system's place.
    """

    backup: BackupFile
    settings: Settings
    nonces: dict[str, str]
    tokens: Sequence[str] = ()
    scratch: Path | None = None

    def run(self, progress: Progress) -> DrillReport:
        """Run the drill; the scratch folder is deleted at the end.

        Raises BackupError, LedgerError.
        """
        started = time.monotonic()
        try:
            scratch = Path(
                tempfile.mkdtemp(prefix="msrv-drill-", dir=self.scratch)
            )
        except OSError as error:
            raise BackupError(
                f"can't make a scratch folder: {reason_of(error)}; --scratch "
                "names a folder for it"
            ) from error
        try:
            progress("restoring")
            data = scratch / DATA_NAME
            manifest, done = restore(
                self.backup, RestoreTarget(data, with_mail=False), progress
            )
            nonces = dict(self.nonces)
            if done.nonce is not None:
                nonces["NONCE"] = done.nonce.read_text("utf-8").strip()
            if done.nonce_previous is not None:
                nonces["NONCE_PREVIOUS"] = done.nonce_previous.read_text(
                    "utf-8"
                ).strip()
            keyring = self._keyring(manifest, nonces)
            report = DrillReport(manifest)
            rehearsal = Rehearsal(
                scratch,
                self.settings,
                nonces=nonces,
                keyring=keyring,
                tokens=self.tokens,
                report=report,
                progress=progress,
                started=started,
            )
            asyncio.run(rehearsal.run())
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        report.total_seconds = time.monotonic() - started
        return report

    def _keyring(self, manifest: Manifest, nonces: dict[str, str]) -> Keyring:
        """Return the keys. Raises BackupError unless they are the backup's."""
        if "NONCE" not in nonces:
            raise BackupError(
                "NONCE is neither set nor in the backup: no receipt would open"
            )
        keyring = Keyring.from_nonces(
            *nonces.values(),
            accepts_simulated=self.settings.accepts_simulated_payments,
        )
        kids = {each.kid for each in keyring.generations}
        if manifest.keys and manifest.keys[0] not in kids:
            raise BackupError(
                "NONCE is not that of the backup: no receipt of its time "
                "would open"
            )
        return keyring
