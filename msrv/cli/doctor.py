# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Health checks on the terminal: the `doctor` command."""

import asyncio
import json
import logging
import secrets
import sys
from collections.abc import Sequence
from typing import Final

import click

from msrv.cli.errors import user_errors
from msrv.cli.nonce import FILE_NAME, load_keyring
from msrv.cli.options import LIBRARY, examples, load_settings
from msrv.cli.progress import ProgressLine
from msrv.health_checks.findings import (
    TIMEOUT_SECONDS,
    CheckContext,
    CheckResult,
    Outcome,
    as_row,
    run_checks,
    summary,
)
from msrv.health_checks.table import CHECKS
from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.proofs.keyring import Keyring
from msrv.proofs.nonce_strength import new_nonce
from msrv.settings import Settings

_MAIL_SECONDS: Final = 60.0
"""Time-out where a mail is sent: some relays make strangers wait."""
_COLOURS: Final = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "red",
}


@click.command(
    epilog=examples(
        "msrv doctor",
        "msrv doctor --mail you@example.org",
        "msrv doctor --json",
    )
)
@LIBRARY
@click.option(
    "--mail", metavar="ADDRESS", help="Also send a test mail to this address."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(library: object, mail: str | None, *, as_json: bool) -> None:
    """Check what the store needs, and print how to fix the rest.

    Checks DNS, the public address, certificate, ports, clock, disk,
    permissions, keys, mail relay, Stripe, ffmpeg, the database and the bucket.
    Each line is Pass, Warn or Fail. Nothing is changed, and it doesn't matter
    whether the store runs. Run it as the store's user, with the store's
    settings. Exit status 1 if anything fails.
    """
    if mail is not None:
        try:
            mail = addresses.parse(mail)
        except BadAddress as error:
            raise click.UsageError(f"--mail: {error}") from None
    with user_errors():
        settings = load_settings(library=library)
        # What the checks find is printed; the log would repeat it.
        logging.getLogger("msrv").setLevel(logging.CRITICAL)
        context = CheckContext(
            settings=settings, keyring=_keyring(settings), mail_to=mail
        )
    with ProgressLine() as line:
        results = asyncio.run(_run(context, line))
    if as_json:
        click.echo(json.dumps([as_row(each) for each in results], indent=2))
    else:
        click.echo(format_results(results))
    if any(each.finding.outcome is Outcome.FAIL for each in results):
        sys.exit(1)


def format_results(results: Sequence[CheckResult]) -> str:
    """Return the results in columns, each with its fix, and their number."""
    width = max(len(each.label) for each in results)
    lines = []
    for each in results:
        finding = each.finding
        outcome = click.style(finding.outcome, _COLOURS[finding.outcome])
        lines.append(f"{outcome}  {each.label:<{width}}  {finding.text}")
        if finding.fix:
            lines.append(f"      {'fix':<{width}}  {finding.fix}")
    return "\n".join([*lines, "", summary(results)])


def _keyring(settings: Settings) -> Keyring:
    """Return the store's keys, which identify it.

    Where there is no NONCE yet, those of no store: a check generates none,
    least of all as another user than the store's.
    """
    if settings.nonce is None and not (settings.data / FILE_NAME).exists():
        return Keyring.from_nonces(new_nonce(secrets.token_bytes))
    return load_keyring(settings)


async def _run(context: CheckContext, line: ProgressLine) -> list[CheckResult]:
    async def show_progress() -> None:
        while True:
            line.update("checking")
            await asyncio.sleep(0.5)

    progress = asyncio.create_task(show_progress())
    try:
        return await run_checks(
            CHECKS,
            context,
            timeout_seconds=_MAIL_SECONDS
            if context.mail_to
            else TIMEOUT_SECONDS,
        )
    finally:
        progress.cancel()
