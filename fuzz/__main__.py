# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Run the targets under Atheris, each in a process of its own."""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

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
    parser.add_argument("--inside", action="store_true", help="(internal)")
    options = parser.parse_args()
    if options.inside:
        _fuzz(options.targets[0], options.seconds)
        return
    from fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented elsewhere

    names = options.targets or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    # As many at once as there are processors; each is a process.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {
            name: pool.submit(_run, name, options.seconds) for name in names
        }
    failed = [name for name, run in runs.items() if not run.result()]
    print(f"{len(names) - len(failed)} targets held, {len(failed)} failed")
    if failed:
        sys.exit(f"defects in {', '.join(failed)}: inputs are in {FOUND}/")


def _run(name: str, seconds: int) -> bool:
    """Fuzz one target in a process; return whether it held."""
    (FOUND / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz", name, "--inside"]
    command += ["--seconds", str(seconds)]
    done = subprocess.run(
        command,
        check=False,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    lines = done.stderr.splitlines()
    runs = next((line for line in reversed(lines) if "Done" in line), "")
    print(f"{name:20} {'held' if not done.returncode else 'FAILED'}  {runs}")
    if done.returncode:
        print("\n".join(lines[-60:]))
    return not done.returncode


def _fuzz(name: str, seconds: int) -> None:
    import atheris  # noqa: PLC0415 - only where it fuzzes

    with atheris.instrument_imports(include=["msrv", "mutagen"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - as above

    corpus = CORPUS / name
    folders = [str(FOUND / name), *([str(corpus)] if corpus.is_dir() else [])]
    arguments = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-max_len={_MAX_BYTES}",
        f"-timeout={_INPUT_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-artifact_prefix={FOUND}/{name}-",
        "-print_final_stats=0",
        *folders,
    ]
    atheris.Setup(arguments, TARGETS[name])
    atheris.Fuzz()


main()
