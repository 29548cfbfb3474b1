# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store of a drill: a process of this program that can do no harm.

It listens on loopback. Its environment has nothing of the real store's but
the library, which it only reads, and NONCE: no payment provider, no mail
server, no other database. Its working folder is the scratch folder, so that
no file of settings is found.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Final, Self

import aiohttp

import msrv
from msrv.backup.errors import BackupError
from msrv.settings import Settings

START_SECONDS: Final = 12 * 3600.0
"""Time limit of a start. A large library is hashed for hours."""
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_REQUEST_SECONDS: Final = 60.0
_LOG_CHARS: Final = 300
_INHERITED: Final = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH"),
    *("TMPDIR", "TZ", "PYTHONDONTWRITEBYTECODE"),
)
"""Variables that are not settings, and that Python may need."""

_OF_BUCKETS: Final = ("AWS_", "GOOGLE_", "AZURE_")
"""Starts of variables with the credentials of a bucket."""

# The store ends with the drill, however the drill ends (Linux). Another
# process would have been its parent already.
_PROGRAM: Final = """
import ctypes, os, runpy, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != int(sys.argv.pop()):
        sys.exit(1)
else:
    sys.argv.pop()
sys.argv[0] = "msrv"
runpy.run_module("msrv", run_name="__main__", alter_sys=True)
"""


class DrillStore:
    """Store on a restored data folder, running for as long as the block.

    `settings` are the real store's, `nonces` NONCE and NONCE_PREVIOUS.
    """

    def __init__(
        self,
        scratch: Path,
        data: Path,
        settings: Settings,
        nonces: dict[str, str],
    ) -> None:
        self._scratch = scratch
        self._environ = environment(scratch, data, settings, nonces)
        self._log = scratch / "log"
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""
        self.session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Start, and wait until it listens. Raises BackupError."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _PROGRAM,
                "serve",
                str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environ,
                cwd=self._scratch,
            )
        try:
            await self._read_url()
            self.session = aiohttp.ClientSession(
                self._url,
                timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS),
            )
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        try:
            await self.session.close()
        finally:
            await self._stop()

    async def wait_until(self, *statuses: str) -> str:
        """Wait until it is in one of these states, and return which.

        Raises BackupError if it ends, or doesn't get there.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    async with self.session.get("/-/ready") as response:
                        status = str((await response.json())["status"])
                    if status in statuses:
                        return status
                    await asyncio.sleep(_POLL_SECONDS)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._failure() from error

    async def _read_url(self) -> None:
        """Read its address from its banner. Raises BackupError."""
        assert self._process is not None  # noqa: S101 - started
        output = self._process.stdout
        assert output is not None  # noqa: S101 - a pipe
        async for line in output:
            words = line.decode("utf-8", "replace").split()
            if words[:1] == ["store"]:
                self._url = words[1]
                return
        raise self._failure()

    def _failure(self) -> BackupError:
        """Return an error with the end of the store's log."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return BackupError(
            "the restored store did not start: "
            + (lines[-1][:_LOG_CHARS] if lines else "it wrote no log")
        )

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def environment(
    scratch: Path, data: Path, settings: Settings, nonces: dict[str, str]
) -> dict[str, str]:
    """Return the environment of a drill's store."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_OF_BUCKETS)
    }
    environ |= nonces | {
        "PYTHONPATH": str(Path(msrv.__file__).parents[1]),
        "MSRV_DATA": str(data),
        "MSRV_CERTS": str(scratch / "certs"),
        "MSRV_TLS": "off",
        "MSRV_HOST": "127.0.0.1",
        "MSRV_PORT": "0",
        "MSRV_DRAIN_SECONDS": "1",
        "MSRV_SETTLE_SECONDS": str(settings.settle_seconds),
        "MSRV_ALLOW_WEAK_NONCE": str(int(settings.allow_weak_nonce)),
        # So that receipts of test payments open where they do in the store.
        "MSRV_DEMO_PAYMENTS": str(int(settings.accepts_simulated_payments)),
    }
    if settings.library is not None:
        library = settings.bucket or settings.library_folder.resolve()
        environ["MSRV_LIBRARY"] = str(library)
    return environ
