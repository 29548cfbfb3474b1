# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of this machine: clock, disk, rights, and ffmpeg."""

import ctypes
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msrv.catalog.ffmpeg import find_ffmpeg
from msrv.catalog.parsing.confinement import ENVIRONMENT
from msrv.display_text import printable, reason_of
from msrv.files import write_file
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    failed,
    in_thread,
    passed,
    warned,
)
from msrv.settings import secret_files
from msrv.translations import deferred

_EARLIEST: Final = 1_767_225_600
"""1 January 2026: this version is newer than that."""
_TIME_ERROR: Final = 5
"""State of the kernel's clock that nothing synchronizes; adjtimex(2)."""
_LOW_DIVISOR: Final = 20
_FULL_BYTES: Final = 64 * 2**20
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_CONTAINER_FILES: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that container engines create in a container."""
_MOUNTED_SECRETS: Final = ("/run/secrets/", "/run/credentials/")
"""Folders of secrets that the container engine or systemd protects."""


async def check_clock(context: CheckContext) -> Sequence[Finding]:
    """Check that this machine's clock is set, and kept right."""
    if context.clock() < _EARLIEST:
        return [
            failed(
                deferred("the clock is before this version's release"),
                deferred(
                    "set the clock, and synchronize it (timedatectl set-ntp "
                    "true)"
                ),
            )
        ]
    state = await in_thread(_clock_state)
    if state == _TIME_ERROR:
        return [
            warned(
                deferred(
                    "nothing synchronizes the clock, as far as the "
                    "kernel knows"
                ),
                deferred(
                    "run timedatectl set-ntp true, or chrony; links expire by "
                    "the clock, and replicas have to agree"
                ),
            )
        ]
    if state is None:
        return [
            warned(
                deferred(
                    "the kernel doesn't say whether the clock is synchronized"
                ),
                deferred("compare it with another clock"),
            )
        ]
    return [passed(deferred("synchronized"))]


async def check_disk(context: CheckContext) -> Sequence[Finding]:
    """Check that the data folder has room, and that writing works."""
    return await in_thread(lambda: list(_disk(context.settings.data)))


async def check_rights(context: CheckContext) -> Sequence[Finding]:
    """Check who can read and write the store's files."""
    settings = context.settings
    return await in_thread(
        lambda: [
            *_data_rights(settings.data),
            *(
                ()
                if settings.bucket
                else _library_rights(settings.library_folder)
            ),
            *_secret_rights(settings.data / "nonce"),
        ]
    )


async def check_ffmpeg(context: CheckContext) -> Sequence[Finding]:  # noqa: ARG001 - a check
    """Check that previews can be made."""
    program = await in_thread(find_ffmpeg)
    if program is not None:
        return [passed(await in_thread(lambda: _ffmpeg_version(program)))]
    if shutil.which("ffmpeg") is None:
        return [
            warned(
                deferred(
                    "not installed: tracks have no previews, and are sold in "
                    "no other format"
                ),
                deferred(
                    "install it, for example with apt-get install ffmpeg"
                ),
            )
        ]
    return [
        warned(
            deferred(
                "it doesn't run, or can't write MP3: tracks have no previews"
            ),
            deferred("install an ffmpeg with libmp3lame, such as Debian's"),
        )
    ]


def _clock_state() -> int | None:
    """Return the kernel's state of the clock, None if it can't be read."""
    try:
        adjust = ctypes.CDLL(None, use_errno=True).adjtimex
    except AttributeError:
        return None  # not Linux
    # struct timex; its first member, modes, is zero: nothing is adjusted.
    buffer = ctypes.create_string_buffer(512)
    state = int(adjust(buffer))
    return None if state < 0 else state


def _disk(data: Path) -> Iterator[Finding]:
    try:
        usage = shutil.disk_usage(data)
        entries = os.statvfs(data)
    except OSError as error:
        if _can_be_created(data):
            yield passed(
                deferred(
                    "%(folder)s is created at the first start", folder=data
                )
            )
        else:
            yield failed(
                deferred(
                    "%(folder)s can't be used: %(reason)s",
                    folder=data,
                    reason=reason_of(error),
                ),
                deferred(
                    "create the folder, and let the store's user write to it "
                    "(MSRV_DATA)"
                ),
            )
        return
    free = deferred(
        "%(free)s of %(all)s GiB free",
        free=f"{usage.free / 2**30:.1f}",
        all=f"{usage.total / 2**30:.1f}",
    )
    if usage.free < _FULL_BYTES:
        yield failed(
            deferred("%(folder)s: %(free)s", folder=data, free=free),
            deferred("free some space: checkout stops"),
        )
    elif usage.free * _LOW_DIVISOR < usage.total:
        yield warned(
            deferred("%(folder)s: %(free)s", folder=data, free=free),
            deferred("free some space"),
        )
    if entries.f_files and entries.f_favail * _LOW_DIVISOR < entries.f_files:
        yield warned(
            deferred(
                "%(folder)s: %(free)s of %(all)s inodes free",
                folder=data,
                free=f"{entries.f_favail:,}",
                all=f"{entries.f_files:,}",
            ),
            deferred("remove small files from this disk"),
        )
    probe = data / f".health-check.{secrets.token_hex(8)}"
    try:
        write_file(probe, b"written and synced by a health check\n")
        probe.unlink()
    except OSError as error:
        yield failed(
            deferred(
                "%(folder)s can't be written to: %(reason)s",
                folder=data,
                reason=reason_of(error),
            ),
            deferred("let the store's user write to it, and free some space"),
        )
        return
    if usage.free * _LOW_DIVISOR >= usage.total:
        yield passed(
            deferred(
                "%(folder)s: %(free)s; writing works", folder=data, free=free
            )
        )


def _can_be_created(folder: Path) -> bool:
    """Return whether a missing folder's nearest parent can be written to."""
    parents = (each for each in folder.absolute().parents if each.exists())
    try:
        nearest = next(parents, folder)
        return (
            not folder.exists()
            and nearest.is_dir()
            and os.access(nearest, os.W_OK | os.X_OK)
        )
    except OSError:
        return False  # in a folder of another user


def _data_rights(data: Path) -> Iterator[Finding]:
    try:
        status = data.stat()
    except OSError:
        return  # the check of the disk says so
    is_image = any(each.exists() for each in _CONTAINER_FILES)
    if is_image and status.st_uid == 0 and status.st_mode & stat.S_ISVTX:
        # The image's own, for any --user: no other one runs in there.
        yield passed(
            deferred("%(folder)s is open to this container alone", folder=data)
        )
        return
    if os.geteuid() == 0:
        yield warned(
            deferred("this runs as root, which may do anything"),
            deferred("run the store, and this command, as a user of its own"),
        )
    elif status.st_uid != os.geteuid():
        yield warned(
            deferred("%(folder)s belongs to another user", folder=data),
            deferred(
                "run the store as its owner, or chown -R it to uid %(user)s",
                user=os.geteuid(),
            ),
        )
    if status.st_mode & _OTHERS:
        yield warned(
            deferred("%(folder)s can be opened by other users", folder=data),
            f"chmod 700 {data}",
        )
    else:
        yield passed(deferred("%(folder)s is private", folder=data))


def _library_rights(library: Path) -> Iterator[Finding]:
    try:
        unreadable = next(_unreadable(library), None)
    except OSError as error:
        yield failed(
            deferred(
                "the library can't be read: %(folder)s: %(reason)s",
                folder=library,
                reason=reason_of(error),
            ),
            deferred("let the store's user read it (MSRV_LIBRARY)"),
        )
        return
    if unreadable is not None:
        # Not a failure: a disk's own folder, such as lost+found, may be it.
        yield warned(
            deferred(
                "%(path)s can't be read in the library",
                path=unreadable,
            ),
            deferred("let the store's user read every file that is for sale"),
        )
    elif os.geteuid() != 0 and os.access(library, os.W_OK):
        yield warned(
            deferred(
                "the store's user can write to %(folder)s", folder=library
            ),
            deferred(
                "let it belong to another user, or mount it read-only: "
                "then nobody who breaks into the store can change what is "
                "sold"
            ),
        )
    else:
        yield passed(deferred("the library is readable"))


def _unreadable(folder: Path) -> Iterator[str]:
    """Yield what can't be read in the first two levels of a library."""
    for entry in folder.iterdir():
        inside = (
            entry.iterdir()
            if entry.is_dir() and os.access(entry, os.R_OK | os.X_OK)
            else ()
        )
        for each in (entry, *inside):
            if not os.access(each, os.R_OK):
                yield printable(str(each.relative_to(folder)))


def _secret_rights(kept: Path) -> Iterator[Finding]:
    files = secret_files() | {"the generated NONCE": kept}
    problems = 0
    for name, path in files.items():
        if str(path).startswith(_MOUNTED_SECRETS):
            continue
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & _OTHERS:
            problems += 1
            yield warned(
                deferred(
                    "%(name)s: other users can read or write %(path)s",
                    name=name,
                    path=path,
                ),
                f"chmod 600 {path}",
            )
    if not problems:
        yield passed(deferred("secrets are private"))


def _ffmpeg_version(program: str) -> str:
    try:
        first = subprocess.run(  # noqa: S603 - fixed arguments
            [program, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=5,
            env=ENVIRONMENT,
            cwd="/",
        ).stdout.split(b"\n")[0]
    except (OSError, subprocess.SubprocessError):
        return "it runs"
    words = first.decode("ascii", "replace").split()
    return " ".join(words[:3])[:100]
