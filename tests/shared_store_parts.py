# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parts that the stores of a test run share, since each is slow to make.

Starting the confined parser, asking ffmpeg for its encoders, creating the
ledger's tables and compiling templates take ten times as long as the rest of a
store. Each is done once, as the store does it; their own tests do it anew.
"""

import asyncio
import functools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType
from typing import Final, Self

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from jinja2.bccache import Bucket

from msrv import app, files
from msrv.catalog.ffmpeg import find_ffmpeg
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.parsing.parser_process import ParserProcess
from msrv.ledger.connection_rules import DEFAULT_RULES
from msrv.payments.return_addresses import UntaggedReturns
from msrv.web import rendering


class ParserProcesses:
    """Confined parser processes that wait for the next store."""

    def __init__(self) -> None:
        # The kernel kills a child with the thread that started it.
        self._starter = ThreadPoolExecutor(1, "msrv-parser-processes")
        self._idle: list[tuple[ParserProcess, list[str]]] = []

    def acquire(
        self, command: tuple[str, ...]
    ) -> tuple[ParserProcess, list[str]]:
        """Return a running process, and the limits that it lacks."""
        while self._idle:
            found = self._idle.pop()
            if found[0].is_running():
                return found
            found[0].kill()
        return self._starter.submit(ParserProcess.start, command).result()

    def release(self, process: ParserProcess, lacking: list[str]) -> None:
        """Keep a process that has answered every request."""
        self._idle.append((process, lacking))

    def close(self) -> None:
        """Stop all processes."""
        while self._idle:
            self._idle.pop()[0].kill()
        self._starter.shutdown()


class ReusingParser(Parser):
    """Parser that leaves its process to the next store, unless it is busy."""

    def __init__(self, data: Path, processes: ParserProcesses) -> None:
        super().__init__(data)
        self._processes = processes
        self._lacking: list[str] = []

    def _start(self, _: ThreadPoolExecutor) -> ParserProcess:
        process, self._lacking = self._processes.acquire(self._command)
        self._log_confinement(self._lacking)
        return process

    def close(self) -> None:
        """Stop parsing for good."""
        if self._lock.acquire(blocking=False):
            try:
                process, self._process = self._process, None
                self._closed = True
            finally:
                self._lock.release()
            if process is not None:
                self._processes.release(process, self._lacking)
        super().close()


class NewDataFolder:
    """Data folder as a store's first start leaves it, with an empty ledger."""

    def __init__(self, folder: Path) -> None:
        # Before the ledger is there, which would tell of an older store.
        UntaggedReturns(folder).start(now=0)
        asyncio.run(_create_ledger(folder))
        self._folder = folder

    def copy_to(self, data: Path) -> None:
        """Write its files to a data folder, unless that is in use."""
        files.make_private_folder(data)
        if not any(data.iterdir()):
            shutil.copytree(self._folder, data, dirs_exist_ok=True)

    def copy_ledger_to(self, path: Path) -> None:
        """Write its ledger to a file that doesn't exist yet."""
        from msrv.ledger.db.database import (  # noqa: PLC0415 - slow to import
            FILE_NAME,
        )

        assert not path.exists()
        shutil.copyfile(self._folder / FILE_NAME, path)


class CompiledTemplates(jinja2.BytecodeCache):
    """Code of the templates, by file and the checksum of its text."""

    def __init__(self) -> None:
        self._code: Final[dict[tuple[str, str], CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Set a template's code, if it has been compiled."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template that was compiled just now."""
        assert bucket.code is not None
        self._code[bucket.key, bucket.checksum] = bucket.code

    def set_up_templates(self, app: web.Application, *, fresh: bool) -> None:
        """Set up an application's templates, which share their code."""
        _set_up_templates(app, fresh=fresh)
        aiohttp_jinja2.get_env(app).bytecode_cache = self


_set_up_templates: Final = rendering.set_up_templates


async def _create_ledger(folder: Path) -> None:
    from msrv.ledger.db import schema_upgrade  # noqa: PLC0415 - slow to import
    from msrv.ledger.db.database import Database  # noqa: PLC0415 - slow to import

    database = Database.open(None, folder, DEFAULT_RULES)
    await schema_upgrade.upgrade_schema(database)
    # The last connection to close moves everything into the one file.
    await database.close()


class SharedStoreParts:
    """What `start_store` replaces in the application that it starts."""

    def __init__(self, folder: Path) -> None:
        self.processes = ParserProcesses()
        self.templates = CompiledTemplates()
        self.data_folder = NewDataFolder(folder)
        self._find_ffmpeg = functools.cache(lambda _path: find_ffmpeg())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.close()

    def parser_for(self, data: Path) -> ReusingParser:
        """Return a parser of a data folder, whose process is reused."""
        return ReusingParser(data, self.processes)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the applications of this test use the shared parts."""
        monkeypatch.setattr(app, "Parser", self.parser_for)
        # A store waits for more events to write; a test, for this one.
        monkeypatch.setattr("msrv.ledger.db.sync._GATHER_SECONDS", 0.02)
        monkeypatch.setattr(
            rendering, "set_up_templates", self.templates.set_up_templates
        )
        monkeypatch.setattr(
            app,
            "find_ffmpeg",
            lambda: self._find_ffmpeg(os.environ.get("PATH")),
        )
