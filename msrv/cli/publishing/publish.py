# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `publish`, its options, and what it prints.

Apart from `cli.catalog`, which reads the library.
"""

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Final

import click

from msrv.catalog.covers import Covers
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.ffmpeg import find_ffmpeg, preview_marks
from msrv.catalog.model import Catalog
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.previews import Previews
from msrv.catalog.published import upload
from msrv.catalog.published.current import read_pointer
from msrv.catalog.published.preparation import (
    LibraryTools,
    PreparedLibrary,
    prepare,
)
from msrv.catalog.published.pruning import prune
from msrv.catalog.published.upload import catalog_names, roll_back
from msrv.catalog.texts.release_texts import ReleaseTexts
from msrv.cli.errors import user_errors
from msrv.cli.first_steps.library_folder import find_library
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import LIBRARY, examples, load_library_settings
from msrv.cli.progress import ProgressLine
from msrv.cli.publishing.whole_library import read_whole_library
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.settings.optional_packages import require_packages
from msrv.storage.local import LocalStorage
from msrv.storage.objects.bucket import Bucket
from msrv.text_table import plural
from msrv.translations.sizes import format_size

PREVIOUS: Final = "previous"
_DAY_SECONDS: Final = 24 * 3600


@click.command(
    epilog=examples(
        "msrv publish --library /srv/library s3://bucket/store",
        "msrv publish --list s3://bucket/store",
        "msrv publish --roll-back previous s3://bucket/store",
        "msrv publish --prune 30 s3://bucket/store",
    ),
)
@click.argument("target")
@LIBRARY
@click.option(
    "--dry-run", is_flag=True, help="Write nothing; print what would be done."
)
@click.option(
    "--list",
    "as_list",
    is_flag=True,
    help="Print the catalogs, also those that never became current.",
)
@click.option(
    "--roll-back",
    "name",
    metavar="NAME",
    help="Make an earlier catalog the current one: its name, or `previous`.",
)
@click.option(
    "--prune",
    "days",
    type=click.IntRange(1, 36_500),
    help="Delete what only catalogs older than so many days need.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def publish(
    target: str,
    library: Path | None,
    name: str | None,
    days: int | None,
    *,
    dry_run: bool,
    as_list: bool,
    as_json: bool,
) -> None:
    """Publish the library to a bucket.

    TARGET is its address, like s3://bucket/prefix. Stores whose MSRV_LIBRARY
    is that address sell it, without a copy of the
    library. Only what is new is uploaded. NONCE has to be the stores' own,
    since it signs the catalog. With --list, --roll-back or --prune nothing is
    published.
    """
    if sum((as_list, name is not None, days is not None)) > 1:
        raise click.UsageError(
            "--list, --roll-back and --prune can't be used together"
        )
    with user_errors():
        require_packages("objects", "Publishing to a bucket")
        settings = load_library_settings(library=library)
        keyring = load_existing_keyring(settings)
        bucket = Bucket.open(target)
        if as_list:
            result, text = _list(bucket, keyring)
        elif name is not None:
            result, text = _roll_back(bucket, keyring, name)
        elif days is not None:
            result, text = _prune(bucket, keyring, days, dry_run=dry_run)
        else:
            result, text = _publish(settings, bucket, keyring, dry_run=dry_run)
    click.echo(json.dumps(result) if as_json else text)


_Result = tuple[dict[str, object], str]
"""Result of a command: as JSON, and as text."""


def _list(bucket: Bucket, keyring: Keyring) -> _Result:
    async def run() -> tuple[list[str], str]:
        pointer, _ = await read_pointer(bucket, keyring)
        names = await catalog_names(bucket)
        return names, pointer.catalog if pointer else ""

    names, current = asyncio.run(run())
    lines = [f"{each}  current" if each == current else each for each in names]
    return {"catalogs": names, "current": current}, "\n".join(
        lines or ["nothing has been published there yet"]
    )


def _roll_back(bucket: Bucket, keyring: Keyring, name: str) -> _Result:
    wanted = None if name == PREVIOUS else name
    current = asyncio.run(roll_back(bucket, keyring, int(time.time()), wanted))
    return {"current": current}, f"{current} is the current catalog"


def _prune(
    bucket: Bucket, keyring: Keyring, days: int, *, dry_run: bool
) -> _Result:
    before = int(time.time()) - days * _DAY_SECONDS
    count, size_bytes = asyncio.run(
        prune(bucket, keyring, before=before, dry_run=dry_run)
    )
    done = "would delete" if dry_run else "deleted"
    return (
        {"objects": count, "bytes": size_bytes, "dry_run": dry_run},
        f"{done} {plural(count, 'object')}, {format_size(size_bytes)}",
    )


def _publish(
    settings: Settings, bucket: Bucket, keyring: Keyring, *, dry_run: bool
) -> _Result:
    find_library(settings)
    known = asyncio.run(read_pointer(bucket, keyring))
    reading = read_whole_library(settings)
    for problem in reading.problems:
        click.echo(f"warning: {problem}", err=True)
    with ProgressLine() as line:

        async def run() -> _Result:
            prepared = await _prepare(settings, reading.catalog, line)
            done = await upload.publish(
                bucket,
                keyring,
                prepared.library,
                prepared.sources,
                known=known,
                progress=lambda sent, total: line.update(
                    f"uploading {format_size(sent)} of {format_size(total)}"
                ),
                dry_run=dry_run,
            )
            verb = "would upload" if dry_run else "uploaded"
            text = (
                f"{verb} {done.uploaded:,} of {plural(done.blobs, 'object')}, "
                f"{format_size(done.uploaded_bytes)}"
            )
            if prepared.missing_encodings:
                text += (
                    f"\n{plural(prepared.missing_encodings, 'encoding')} "
                    "couldn't be made, and can't be downloaded"
                )
            if not done.is_new:
                text += f"\n{done.catalog} is current, and nothing has changed"
            elif not dry_run:
                text += f"\n{done.catalog} is the current catalog"
            return {
                "objects": done.blobs,
                "uploaded": done.uploaded,
                "uploaded_bytes": done.uploaded_bytes,
                "missing_encodings": prepared.missing_encodings,
                "catalog": done.catalog,
                "changed": done.is_new,
                "dry_run": dry_run,
            }, text

        return asyncio.run(run())


async def _prepare(
    settings: Settings, catalog: Catalog, line: ProgressLine
) -> PreparedLibrary:
    storage = LocalStorage(settings.library_folder)
    cache = settings.data / "cache"
    ffmpeg = find_ffmpeg()
    with Parser(settings.data) as parser:
        covers = Covers(storage, cache / "covers", parser)
        previews = Previews(
            ffmpeg,
            storage.root,
            cache / "previews",
            marks=preview_marks(settings.data, ffmpeg),
        )
        try:
            return await prepare(
                catalog,
                LibraryTools(
                    storage,
                    covers,
                    previews,
                    EncodingStore(settings.encodings_folder),
                    cache,
                    shutil.which("ffmpeg"),
                    settings.encode_jobs,
                    ReleaseTexts(settings.data),
                ),
                int(time.time()),
                lambda what, done, total: line.count(
                    f"making {what}:", done, total
                ),
            )
        finally:
            await previews.aclose()
            await covers.aclose()
            await storage.aclose()
