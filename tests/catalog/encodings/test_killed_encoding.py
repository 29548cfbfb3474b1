# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store that is killed while it encodes, and its successor.

With more kills: `MSRV_TEST_KILLS=20`.
"""

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.catalog.encodings.masters import (
    ENCODING_SECONDS,
    EncodedLibrary,
    write_single,
)
from tests.polling import wait_until

_ROOT: Final = Path(__file__).parents[3]
_KILLS: Final = int(os.environ.get("MSRV_TEST_KILLS", "3"))
_FORMATS: Final = ("mp3-v0", "alac", "opus-128")
_PROGRAM: Final = """
import asyncio, sys
from pathlib import Path
from tests.catalog.encodings.masters import EncodedLibrary
ffmpeg, root, data, folder = sys.argv[1:]
library = EncodedLibrary(ffmpeg, Path(root), Path(data), Path(folder))
asyncio.run(library.encode_all())
"""


async def test_killed_store_leaves_whole_files_alone(
    ffmpeg: str, tmp_path: Path
) -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time
    root = tmp_path / "library"
    write_single(ffmpeg, root, *_FORMATS)
    hits = 0
    for number in range(3 * _KILLS):
        folder = tmp_path / f"encodings-{number}"
        library = EncodedLibrary(ffmpeg, root, tmp_path / "data", folder)
        hits += await _kill_one(library, chance.uniform(0, 0.4))
        _check(folder)
        await library.encode_all()
        found = _check(folder)
        assert len(found) == len(_FORMATS)
        assert not list(folder.glob(".*.draft"))
        if hits == _KILLS:
            break
    else:
        pytest.fail(f"only {hits} of {_KILLS} were killed in the middle")


async def _kill_one(library: EncodedLibrary, seconds: float) -> bool:
    """Kill a store that encodes; return whether it was in the middle."""
    folder = library.encodings
    async with _encoding(library) as process:
        # In the first encoding, or in one of the next.
        await wait_until(
            lambda: _sizes(folder) or process.returncode is not None,
            ENCODING_SECONDS,
        )
        await asyncio.sleep(seconds)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        status = await process.wait()
    await wait_until(lambda: not _writers(folder), ENCODING_SECONDS)
    return status == -signal.SIGKILL


@asynccontextmanager
async def _encoding(
    library: EncodedLibrary,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process that encodes everything."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, library.ffmpeg),
        *map(str, (library.root, library.data, library.encodings)),
        cwd=_ROOT,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _sizes(folder: Path) -> list[int]:
    """Return the sizes of drafts that something was written into."""
    with suppress(FileNotFoundError):
        sizes = (each.stat().st_size for each in folder.glob(".*.draft"))
        return [each for each in sizes if each]
    return []


def _writers(folder: Path) -> list[str]:
    """Return processes that have a file of a folder open, but this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if path.parts[2] != str(
                os.getpid()
            ) and path.readlink().is_relative_to(folder):
                found.append(path.parts[2])
    return found


def _check(folder: Path) -> set[str]:
    """Check that all that is offered is whole; return the names."""
    offered = set()
    for path in folder.glob("*.json"):
        record = json.loads(path.read_bytes())
        data = (folder / record["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == record["sha256"]
        offered.add(record["file"])
    return offered
