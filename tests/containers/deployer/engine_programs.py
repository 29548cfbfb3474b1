# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Programs of a container engine that tests start for themselves."""

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.store_process import free_port

START_SECONDS = 120


def find(name: str) -> Path | None:
    """Return a program on the path, or one of that name that runs here."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    for each in Path("/proc").glob("[0-9]*/comm"):
        try:
            if each.read_text("utf-8").strip() == name:
                return each.with_name("exe").readlink()
        except OSError:
            # It has exited, or belongs to another user.
            continue
    return None


def until_up(
    process: "subprocess.Popen[bytes]", log: Path, is_up: Callable[[], bool]
) -> None:
    """Wait until a program is up; fail with its log if it isn't."""
    end = time.monotonic() + START_SECONDS
    while not is_up():
        alive = process.poll() is None and time.monotonic() < end
        assert alive, log.read_text("utf-8")[-2000:]
        time.sleep(0.05)


def finish(process: "subprocess.Popen[bytes]") -> None:
    """Stop a program that was started here."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Registry:
    """CNCF distribution on a port of loopback, with its data in a folder."""

    program: Path
    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """Host and port, as an image's name begins with them."""
        return f"localhost:{self.port}"

    def start(self, hook_url: str = "", token: str = "") -> None:
        """Start it; `hook_url` receives its events, as in docs/deployer.md."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.yml"
        config.write_text(
            "version: 0.1\nlog: {level: warn}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder}/data}}}}\n"
            f'http: {{addr: "127.0.0.1:{self.port}", secret: of-the-tests}}\n',
            "utf-8",
        )
        if hook_url:
            with config.open("a", encoding="utf-8") as file:
                file.write(
                    "notifications:\n  endpoints:\n    - name: store\n"
                    f"      url: {hook_url}\n"
                    f"      headers: {{Authorization: [Bearer {token}]}}\n"
                    "      timeout: 5s\n      threshold: 5\n"
                    "      backoff: 1s\n"
                )
        log = self.folder / "log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [self.program, "serve", config],
                env={"PATH": os.environ["PATH"]},
                stdout=file,
                stderr=file,
            )
        until_up(self.process, log, self._answers)

    def end(self) -> None:
        if self.process is not None:
            finish(self.process)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://{self.host}/v2/", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
