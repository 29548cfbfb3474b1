# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Run the targets under Atheris, each in a process of its own.

Instrumenting the package takes longer than a short run: it is done once, and
each target runs in a fork.
"""

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import atheris

if TYPE_CHECKING:
    from fuzz.targets import Target

CORPUS: Final = Path(__file__).with_name("corpus")
FOUND: Final = Path(".fuzz")
"""Folder of new and failing inputs; git ignores it."""
_MAX_BYTES: Final = 16 * 1024
_INPUT_SECONDS: Final = 10
_MEMORY_MB: Final = 1024


def main() -> None:
    """Fuzz the named targets, or all; exit status 1 for a defect."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=300)
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # A failing input fails again only where sets have the same order.
        os.environ["PYTHONHASHSEED"] = "0"
        command = [sys.executable, "-m", "fuzz", *sys.argv[1:]]
        os.execv(sys.executable, command)  # noqa: S606 - itself
    with (
        contextlib.redirect_stderr(io.StringIO()),  # a line for each module
        atheris.instrument_imports(include=["msrv", "mutagen"]),
    ):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented

    names = options.targets or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    failed = []
    waiting, running = names[::-1], dict[int, str]()
    while waiting or running:
        # As many at once as there are processors.
        while waiting and len(running) < (os.cpu_count() or 1):
            name = waiting.pop()
            running[_start(name, TARGETS[name], options.seconds)] = name
        pid, status = os.wait()
        name = running.pop(pid)
        if not _report(name, held=status == 0):
            failed.append(name)
    print(f"{len(names) - len(failed)} targets held, {len(failed)} failed")
    if failed:
        sys.exit(f"defects in {', '.join(failed)}: inputs are in {FOUND}/")


def _start(name: str, target: "Target", seconds: int) -> int:
    """Fuzz one target in a fork, with a log; return its process id."""
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    log = os.open(_log(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, sys.stderr.fileno())
    _fuzz(name, target, folder, seconds)
    raise AssertionError  # Atheris ends the process


def _fuzz(name: str, target: "Target", folder: Path, seconds: int) -> None:
    corpus = CORPUS / name
    arguments = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-max_len={_MAX_BYTES}",
        f"-timeout={_INPUT_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-artifact_prefix={FOUND}/{name}-",
        "-print_final_stats=0",
        str(folder),
        *([str(corpus)] if corpus.is_dir() else []),
    ]
    atheris.Setup(arguments, target)
    atheris.Fuzz()


def _report(name: str, *, held: bool) -> bool:
    lines = _log(name).read_text("utf-8", "replace").splitlines()
    runs = next((line for line in reversed(lines) if "Done" in line), "")
    print(f"{name:20} {'held' if held else 'FAILED'}  {runs}", flush=True)
    if not held:
        print("\n".join(lines[-60:]))
    return held


def _log(name: str) -> Path:
    return FOUND / f"{name}.log"


main()
