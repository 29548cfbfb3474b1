# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `init`: a new store, from five questions or from flags."""

import json
import os
import shlex
from pathlib import Path
from typing import Final, get_args

import click

from msrv.catalog.drafts.config_drafts import store_toml
from msrv.catalog.library.found_files import STORE_TOML
from msrv.catalog.library.scan import scan
from msrv.cli.errors import user_errors
from msrv.cli.first_steps.answers import Answers, ask_all
from msrv.cli.first_steps.environment_texts import (
    LOCAL_PORT,
    Payments,
    compose_text,
    env_text,
)
from msrv.cli.first_steps.library_folder import write_errors
from msrv.cli.first_steps.new_files import (
    NewFile,
    refuse_to_overwrite,
    write_new,
)
from msrv.cli.first_steps.new_release import make_release
from msrv.cli.nonce import find_nonce
from msrv.cli.options import examples
from msrv.display_text import printable
from msrv.files import make_private_folder
from msrv.money import Money
from msrv.server.env_file import DEFAULT_NAME, UnwritableValue
from msrv.settings import Settings
from msrv.text_table import labelled

COMPOSE_NAME: Final = "compose.yaml"
_AGAIN: Final = "run `msrv init` again, with the same answers"
_FIRST_RELEASE: Final = "First release"
_FIRST_FILE: Final = "Hello.txt"
_HELLO: Final = (
    "This is the first thing that your store offers.\n"
    "Put your own files beside it, or beside its folder, and delete it.\n"
)


@click.command(
    epilog=examples(
        "msrv init",
        'msrv init --yes --name "The Wet Coats" --library ~/Music/ours \\',
        "    --currency EUR --domain shop.example --payments stripe",
        "msrv init --compose",
    )
)
@click.option("--name", help="Name of the store.")
@click.option("--library", help="Folder of the files for sale.")
@click.option("--currency", help="Currency of the prices, like EUR.")
@click.option(
    "--domain",
    help="Domain name of the store, like shop.example; or the address of a "
    "proxy in front of it, like https://shop.example; or none.",
)
@click.option(
    "--payments",
    type=click.Choice(get_args(Payments)),
    help="free: only what costs nothing; stripe: real money, with a key that "
    "you add; simulated: to try everything out.",
)
@click.option("--yes", is_flag=True, help="Ask nothing; use the defaults.")
@click.option(
    "--compose",
    is_flag=True,
    help=f"Write {COMPOSE_NAME}, for Docker, instead of {DEFAULT_NAME}.",
)
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Folder of the settings and the data (default: this one).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def init(
    context: click.Context,
    /,
    folder: Path,
    *,
    yes: bool,
    compose: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Set up a new store: its settings, and a first release.

    Asks five questions, except those that options answer. Existing files are
    never changed. The result can be served at once.
    """
    folder = folder.expanduser().resolve()
    answers = ask_all(given, folder, ask=not yes)
    with user_errors(), write_errors(folder, _AGAIN):
        files = _plan(answers, folder, compose=compose)
        written = _write(answers, files, folder, compose=compose)
    program = context.find_root().info_name or "msrv"
    command = (
        "docker compose up --detach --wait" if compose else f"{program} serve"
    )
    if folder != Path.cwd():
        command = f"cd {shlex.quote(str(folder))} && {command}"
    _report(answers, written, command, as_json=as_json, compose=compose)


def _plan(
    answers: Answers, folder: Path, *, compose: bool
) -> tuple[NewFile, NewFile]:
    """Return the files to write. Raises ClickException.

    Nothing has been changed when this raises.
    """
    store = NewFile(
        answers.library / STORE_TOML,
        store_toml(answers.name, answers.currency),
        0o644,
    )
    if compose:
        text = compose_text(
            answers.address, answers.library, folder, answers.payments
        )
        environment = NewFile(folder / COMPOSE_NAME, text, 0o600)
    else:
        try:
            text = env_text(
                answers.address, answers.library, folder, answers.payments
            )
        except UnwritableValue as error:
            raise click.ClickException(
                f"the paths of the library and of this folder {error}"
            ) from None
        environment = NewFile(folder / DEFAULT_NAME, text, 0o600)
    refuse_to_overwrite((store, environment))
    return store, environment


def _write(
    answers: Answers,
    files: tuple[NewFile, NewFile],
    folder: Path,
    *,
    compose: bool,
) -> list[Path]:
    """Write everything, and return the paths of what is new.

    The settings are written last: once they are there, everything is.
    """
    store, environment = files
    library = answers.library
    if not library.exists():
        library.mkdir(parents=True)
        # The store may run as another user, above all in a container.
        library.chmod(0o755)
    written = []
    if not scan(library).folders:
        written.append(_make_first_release(answers))
    written += [store.path] if write_new(store) else []
    if not compose:
        make_private_folder(folder / "data")
        nonce = folder / "data" / "nonce"
        is_new = not nonce.exists()
        if "NONCE" not in os.environ and "NONCE_FILE" not in os.environ:
            find_nonce(Settings(data=folder / "data"))
            written += [nonce] if is_new else []
    written += [environment.path] if write_new(environment) else []
    return written


def _make_first_release(answers: Answers) -> Path:
    """Make a release of one free file, so that there is something to see."""
    made = make_release(
        answers.library,
        answers.name,
        _FIRST_RELEASE,
        currency=answers.currency,
        price=Money(0, answers.currency),
        files={_FIRST_FILE: _HELLO.encode()},
    )
    return made.folder


def _report(
    answers: Answers,
    written: list[Path],
    command: str,
    *,
    as_json: bool,
    compose: bool,
) -> None:
    """Print what was written, and the command to run next."""
    if as_json:
        data = {
            "written": [str(each) for each in written],
            "library": str(answers.library),
            "next": command,
        }
        click.echo(json.dumps(data, indent=2))
        return
    rows = [("written", printable(str(each))) for each in written]
    address = answers.address
    url = address.url or (
        f"https://{address.domain}"
        if address.domain
        else f"http://localhost:{LOCAL_PORT}"
        if compose
        else "https://localhost:8443"
    )
    rows += [("address", url)]
    if not compose:
        rows += [
            ("keep", "a copy of data/nonce: without it, no receipt works"),
        ]
    if answers.payments == "simulated" and (address.domain or address.url):
        rows += [("note", "payments are simulated: everything is for nothing")]
    rows += [("next", command)]
    click.echo(labelled(*rows))
