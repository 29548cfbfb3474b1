# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command line interface: one command for each task of an operator.

Results go to standard output, and nothing else does. An error is one line on
standard error, and an exit status other than 0.
"""

import click

from msrv import __version__
from msrv.cli.catalog import link, verify
from msrv.cli.check import catalog, check
from msrv.cli.codes import codes
from msrv.cli.deployer import deployer, deployments, engine_gate, rollback
from msrv.cli.first_steps.new_release import new
from msrv.cli.ledger import ledger, revoke, studio
from msrv.cli.nonce import nonce
from msrv.cli.serve import certs, check_health, serve


@click.group(
    invoke_without_command=True,
    commands=[
        serve,
        certs,
        check_health,
        new,
        check,
        catalog,
        link,
        verify,
        nonce,
        codes,
        ledger,
        revoke,
        studio,
        deployer,
        engine_gate,
        deployments,
        rollback,
    ],
)
@click.version_option(__version__, prog_name="msrv")
@click.pass_context
def main(context: click.Context) -> None:
    """MSRV, a self-hosted store for digital downloads.

    Without a command, it runs `serve`. Settings come from the environment;
    see docs/settings.md.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)
