# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command line interface: one command for each task of an operator.

Results go to standard output, and nothing else does. An error is one line on
standard error, and an exit status other than 0.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from msrv import __version__
from msrv.server import env_file


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command that is imported when it is run.

    `summary` is the first sentence of its help, for the list of commands.
    `load` imports the commands of its module.
    """

    summary: str
    load: Callable[[], Iterable[click.Command]]
    hidden: bool = False


class CommandGroup(click.Group):
    """Group of commands, each imported when it is run or asked for its help.

    Most of them import much of the store, which others needn't wait for.
    """

    def __init__(
        self,
        entries: Mapping[str, CommandEntry],
        **options: Any,  # noqa: ANN401 - those of click.Group
    ) -> None:
        # For the list of commands, and for what a mistyped one may mean.
        shown = [
            click.Command(name, help=entry.summary, hidden=entry.hidden)
            for name, entry in entries.items()
        ]
        super().__init__(commands=shown, **options)
        self.entries = entries

    def get_command(
        self, _: click.Context, cmd_name: str
    ) -> click.Command | None:
        """Return a command by its name, None if there is none."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        return next(each for each in entry.load() if each.name == cmd_name)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands without importing them."""
        click.Group(commands=self.commands).format_commands(ctx, formatter)


def _operators() -> Iterable[click.Command]:
    from msrv.cli.access.operators import operators

    return (operators,)


def _tokens() -> Iterable[click.Command]:
    from msrv.cli.access.tokens import tokens

    return (tokens,)


def _backup() -> Iterable[click.Command]:
    from msrv.cli.backups.backup import backup, restore

    return backup, restore


def _drill() -> Iterable[click.Command]:
    from msrv.cli.backups.drill import drill

    return (drill,)


def _catalog() -> Iterable[click.Command]:
    from msrv.cli.catalog import link, verify
    from msrv.cli.publishing.publish import publish

    return link, verify, publish


def _cdn() -> Iterable[click.Command]:
    from msrv.cli.publishing.cdn import cdn

    return (cdn,)


def _check() -> Iterable[click.Command]:
    from msrv.cli.check import catalog, check

    return catalog, check


def _codes() -> Iterable[click.Command]:
    from msrv.cli.codes import codes

    return (codes,)


def _deployer() -> Iterable[click.Command]:
    from msrv.cli.deployer import deployer, deployments, engine_gate, rollback

    return deployer, deployments, engine_gate, rollback


def _doctor() -> Iterable[click.Command]:
    from msrv.cli.doctor import doctor

    return (doctor,)


def _grants() -> Iterable[click.Command]:
    from msrv.cli.first_steps.grants import grant

    return (grant,)


def _imports() -> Iterable[click.Command]:
    from msrv.cli.first_steps.imports import import_

    return (import_,)


def _new_release() -> Iterable[click.Command]:
    from msrv.cli.first_steps.new_release import new

    return (new,)


def _init() -> Iterable[click.Command]:
    from msrv.cli.first_steps.init import init

    return (init,)


def _keys() -> Iterable[click.Command]:
    from msrv.cli.keys import keys

    return (keys,)


def _ledger() -> Iterable[click.Command]:
    from msrv.cli.ledger import ledger, revoke, studio

    return ledger, revoke, studio


def _legal() -> Iterable[click.Command]:
    from msrv.cli.legal import legal

    return (legal,)


def _invoice() -> Iterable[click.Command]:
    from msrv.cli.legal.invoice import invoice

    return (invoice,)


def _oss() -> Iterable[click.Command]:
    from msrv.cli.legal.oss import oss

    return (oss,)


def _sealed_addresses() -> Iterable[click.Command]:
    from msrv.cli.newsletter.sealed_addresses import newsletter

    return (newsletter,)


def _nonce() -> Iterable[click.Command]:
    from msrv.cli.first_steps.new_nonce import nonce

    return (nonce,)


def _reissue() -> Iterable[click.Command]:
    from msrv.cli.recovery.reissue import reissue

    return (reissue,)


def _serve() -> Iterable[click.Command]:
    from msrv.cli.serve import certificate, certs, check_health, serve

    return certificate, certs, check_health, serve


_COMMANDS: Final = {
    "serve": CommandEntry("Run the store.", _serve),
    "certs": CommandEntry("Create the development certificate.", _serve),
    "certificate": CommandEntry(
        "Print the state of the certificate of MSRV_DOMAIN.", _serve
    ),
    "healthcheck": CommandEntry(
        "Check the health of the store on this machine.", _serve
    ),
    "init": CommandEntry(
        "Set up a new store: its settings, and a first release.", _init
    ),
    "new": CommandEntry(
        "Make the folder of a release, with a release.toml to edit.",
        _new_release,
    ),
    "import": CommandEntry(
        "Create releases from downloads and folders, each with a "
        "release.toml.",
        _imports,
    ),
    "grant": CommandEntry(
        "Issue receipts for a RELEASE to those who bought it elsewhere.",
        _grants,
    ),
    "check": CommandEntry(
        "List what is for sale, and every problem in the library.", _check
    ),
    "catalog": CommandEntry(
        "Do what `check` does, which used to be called `catalog`.",
        _check,
        hidden=True,
    ),
    "publish": CommandEntry("Publish the library to a bucket.", _catalog),
    "cdn": CommandEntry(
        "Print what is configured at a CDN, and check it.", _cdn
    ),
    "link": CommandEntry("Print a download link for an ITEM.", _catalog),
    "verify": CommandEntry(
        "Show what a link or a receipt grants, and until when.", _catalog
    ),
    "nonce": CommandEntry("Print a new, strong NONCE.", _nonce),
    "keys": CommandEntry("List the public keys that verify receipts.", _keys),
    "doctor": CommandEntry(
        "Check what the store needs, and print how to fix the rest.", _doctor
    ),
    "codes": CommandEntry(
        "Create redeem codes to print; each is valid once for one item.",
        _codes,
    ),
    "ledger": CommandEntry(
        "Manage the ledger of orders, refunds and downloads.", _ledger
    ),
    "legal": CommandEntry(
        "Draft legal texts; export or erase the data of one buyer.", _legal
    ),
    "oss": CommandEntry(
        "Print the sums of a quarter for a return to the EU's one-stop shop.",
        _oss,
    ),
    "invoice": CommandEntry(
        "Write the invoice of an order and its credit notes as PDFs.", _invoice
    ),
    "revoke": CommandEntry(
        "Revoke the links of an ORDER, or of one ITEM of it.", _ledger
    ),
    "studio": CommandEntry(
        "Print a link to sign in to the studio, valid once for ten minutes.",
        _ledger,
    ),
    "operators": CommandEntry(
        "Manage the named operators of the studio, and their roles.",
        _operators,
    ),
    "tokens": CommandEntry(
        "Manage tokens, by which programs use the studio's JSON.", _tokens
    ),
    "backup": CommandEntry(
        "Write a backup of the store, which may be running, to one file.",
        _backup,
    ),
    "restore": CommandEntry(
        "Restore a BACKUP into an empty data folder and an empty database.",
        _backup,
    ),
    "drill": CommandEntry(
        "Rehearse a restore from BACKUP, by default the newest one.",
        _drill,
    ),
    "reissue": CommandEntry(
        "Sign the receipts of all orders again, with the current NONCE.",
        _reissue,
    ),
    "newsletter": CommandEntry(
        "Print the addresses in a file newsletter.sealed as CSV.",
        _sealed_addresses,
    ),
    "deployer": CommandEntry(
        "Turn pushed images into rolling updates; see docs/deployer.md.",
        _deployer,
    ),
    "engine-gate": CommandEntry(
        "Run the filtering proxy between the deployer and the container "
        "engine.",
        _deployer,
    ),
    "deployments": CommandEntry(
        "List recent deployments, or follow one until it finishes.", _deployer
    ),
    "rollback": CommandEntry(
        "Roll TARGET back to its previous image and follow the deployment.",
        _deployer,
    ),
}


@click.group(cls=CommandGroup, entries=_COMMANDS, invoke_without_command=True)
@click.option(
    "--env-file",
    "settings_file",
    type=click.Path(path_type=Path),
    help=f"File of settings (default: {env_file.DEFAULT_NAME}, if it exists).",
)
@click.version_option(__version__, prog_name="msrv")
@click.pass_context
def main(context: click.Context, settings_file: Path | None) -> None:
    """MSRV, a self-hosted store for digital downloads.

    Without a command, it runs `serve`. Settings come from the environment,
    and then from the file msrv.env; see docs/settings.md.
    """
    try:
        if settings_file is None:
            env_file.load_default(Path(), os.environ)
        else:
            env_file.apply(settings_file, os.environ)
    except env_file.InvalidEnvFile as error:
        raise click.ClickException(str(error)) from None
    if context.invoked_subcommand is None:
        from msrv.cli.serve import serve

        context.invoke(serve)
