# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Public receipt keys: the `keys` commands."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import click

from msrv.cli.errors import user_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import examples, load_settings
from msrv.display_text import reason_of
from msrv.files import make_private_folder
from msrv.proofs.keyring import Keyring, RetiredKey
from msrv.proofs.receipts import jwk
from msrv.retired_keys.key_file import (
    FILE_NAME,
    MAX_BYTES,
    RetiredKeyFile,
)
from msrv.retired_keys.key_list import (
    InvalidKeyList,
    ListedKey,
    confirm,
    format_list,
    parse_list,
)
from msrv.settings import Settings
from msrv.text_table import plural, table, utc_time

_COLUMNS: Final = ("kid", "key", "retired")
_MIN_KID_CHARS: Final = 6
_RESTART: Final = "restart the store, on every replica, to apply this"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """Public key that the store knows of, and its place in its life."""

    kid: str
    status: str
    retired_at: int | None = None
    simulated: bool = False

    @property
    def row(self) -> tuple[str, str, str]:
        """The key in the columns of the list."""
        note = " (test payments)" if self.simulated else ""
        return self.kid, self.status + note, self.moment

    @property
    def moment(self) -> str:
        """Time of its retirement, for people."""
        return "" if self.retired_at is None else utc_time(self.retired_at)


@click.group(
    invoke_without_command=True,
    epilog=examples("msrv keys"),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def keys(context: click.Context, *, as_json: bool) -> None:
    """List the public keys that verify receipts.

    A key is `present` (of NONCE, which signs), `previous` (of
    NONCE_PREVIOUS), `retired` (of an earlier NONCE; only the public key is
    left), or `unconfirmed`: in the file of retired keys, but not put there
    with a NONCE of this store, and without effect.
    """
    if context.invoked_subcommand is not None:
        return
    with _key_errors():
        _, keyring, listed = _load()
    known = _known(keyring, listed)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in known], indent=2))
    else:
        click.echo(table([_COLUMNS, *(each.row for each in known)]))


@keys.command(epilog=examples("msrv keys export > keys.json"))
def export() -> None:
    """Print the public keys as a JWK Set, for `keys import`.

    It contains no secret. The retired keys in it are confirmed by NONCE, so
    that another replica imports them without asking.
    """
    with _key_errors():
        _, keyring, _ = _load()
    retired = {each.kid: each for each in keyring.retired}
    # Those that are retired already are in the list, as all retired keys.
    simulated = {
        each.simulated.kid for each in keyring.generations if each.simulated
    } - retired.keys()
    click.echo(
        format_list(
            confirm(retired[kid], keyring.generations)
            if kid in retired
            else jwk(key)
            for kid, key in keyring.receipt_keys.items()
            if kid not in simulated
        ),
        nl=False,
    )


@keys.command("import", epilog=examples("msrv keys import keys.json"))
@click.argument("file", type=click.File("rb"))
@click.option("--yes", is_flag=True, help="Accept the keys without asking.")
def import_keys(file: Any, *, yes: bool) -> None:  # noqa: ANN401 - click's own
    """Accept the receipts of the keys in FILE.

    FILE is a JWK Set, from `keys export` or a store's
    /.well-known/jwks.json; `-` reads standard input. Keys that this store's
    NONCE has confirmed are imported without asking. Never import the key of
    a NONCE that leaked: its receipts can be forged.
    """
    with _key_errors():
        settings, keyring, _ = _load()
        listed = _parse(file.read(MAX_BYTES + 1))
        new = _new_keys(keyring, listed)
        if not new:
            click.echo("nothing to import: all of these keys are known")
            return
        unconfirmed = [
            each.kid
            for each in listed
            if each.kid in new
            and each.confirmed_key(keyring.generations) is None
        ]
        if unconfirmed and not yes:
            click.echo(
                "This store's NONCE has not confirmed these keys:\n"
                + "\n".join(f"  {kid}" for kid in unconfirmed)
                + "\nWhoever has the NONCE of one of them can forge receipts.",
                err=True,
            )
            click.confirm("Accept receipts of them?", abort=True, err=True)
        make_private_folder(settings.data)
        _file(settings).add(keyring, new.values())
    click.echo(f"imported {plural(len(new), 'key')}; {_RESTART}")


@keys.command(
    context_settings={"ignore_unknown_options": True},
    epilog=examples("msrv keys forget 5rFLXZ8g"),
)
@click.argument("kid")
@click.option("--yes", is_flag=True, help="Forget it without asking.")
def forget(kid: str, *, yes: bool) -> None:
    """Stop accepting receipts signed with a retired key.

    KID is the key's name in `keys`, or its beginning. For a former NONCE
    that leaked: buyers with a receipt of it lose access to what they bought,
    until you issue a new one.
    """
    with _key_errors():
        settings, keyring, listed = _load()
        found = _find(_known(keyring, listed), kid)
        if not yes:
            click.echo(
                f"All receipts of {found.kid} end, and this can't be undone "
                "without a copy of the key.",
                err=True,
            )
            click.confirm("Forget it?", abort=True, err=True)
        _file(settings).remove([found.kid])
    click.echo(f"forgot {found.kid}; {_RESTART}")


def _find(known: list[KnownKey], kid: str) -> KnownKey:
    """Return the retired key of a name. Raises ClickException."""
    found = [
        each
        for each in known
        if each.kid == kid
        or (len(kid) >= _MIN_KID_CHARS and each.kid.startswith(kid))
    ]
    if len(found) != 1:
        raise click.ClickException(
            f"{kid!r} is no key; `python -m msrv keys` lists all of them"
            if not found
            else f"{kid!r} is the beginning of several keys"
        )
    (key,) = found
    if key.status == "present":
        raise click.ClickException(
            f"{key.kid} is the key of NONCE: change NONCE, without setting "
            "NONCE_PREVIOUS, to end its receipts"
        )
    if key.status == "previous":
        raise click.ClickException(
            f"{key.kid} is the key of NONCE_PREVIOUS: remove that setting and "
            "restart every replica first"
        )
    return key


def _load() -> tuple[Settings, Keyring, list[Any]]:
    settings = load_settings()
    return settings, load_existing_keyring(settings), _file(settings).read()


def _file(settings: Settings) -> RetiredKeyFile:
    return RetiredKeyFile(settings.data)


def _parse(text: bytes) -> list[ListedKey]:
    """Parse a JWK Set, every key in it. Raises InvalidKeyList."""
    if len(text) > MAX_BYTES:
        raise InvalidKeyList("it is too long")
    return [ListedKey.parse(each) for each in parse_list(text)]


def _new_keys(
    keyring: Keyring, listed: list[ListedKey]
) -> dict[str, RetiredKey]:
    """Return the keys of a list that this store doesn't have, by `kid`."""
    known = {each.kid for each in keyring.retired} | keyring.kids_in_use
    now = int(time.time())
    return {
        each.kid: each.key(now) for each in listed if each.kid not in known
    }


def _known(keyring: Keyring, listed: list[Any]) -> list[KnownKey]:
    """Return the keys of the store, each once, the present one first.

    Keys for simulated payments are listed once they are retired: until then
    they go with those of their NONCE.
    """
    current, *previous = keyring.generations
    retired = {each.kid: each for each in keyring.retired}
    known = {current.kid: KnownKey(current.kid, "present")}
    for each in previous:
        known[each.kid] = KnownKey(each.kid, "previous")
    others: list[RetiredKey | ListedKey] = [*retired.values()]
    for key in [*others, *_readable(listed)]:
        known.setdefault(
            key.kid,
            KnownKey(
                key.kid,
                "retired" if key.kid in retired else "unconfirmed",
                key.retired_at,
                simulated=key.simulated,
            ),
        )
    return list(known.values())


def _readable(listed: list[Any]) -> Iterator[ListedKey]:
    for value in listed:
        with contextlib.suppress(InvalidKeyList):
            yield ListedKey.parse(value)


@contextlib.contextmanager
def _key_errors() -> Iterator[None]:
    """Convert errors that an operator can fix to ClickException."""
    try:
        with user_errors():
            yield
    except InvalidKeyList as error:
        raise click.ClickException(f"not a list of keys: {error}") from None
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or FILE_NAME}: {reason_of(error)}"
        ) from None
