# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""NONCE, the store's one secret: its file, and its keys."""

import logging
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from msrv.display_text import reason_of
from msrv.files import make_private_folder, write_file
from msrv.proofs.keyring import Keyring, RetiredKey
from msrv.proofs.nonce_strength import new_nonce, weakness
from msrv.proofs.receipts import issuer_of
from msrv.retired_keys.key_file import RetiredKeyFile
from msrv.retired_keys.key_list import InvalidKeyList
from msrv.settings import Settings, WrongSetting

log = logging.getLogger(__name__)

FILE_NAME: Final = "nonce"


def load_keyring(settings: Settings, *, starts_store: bool = False) -> Keyring:
    """Return the keys from NONCE and NONCE_PREVIOUS, and the retired ones.

    Logs the warning of `find_nonce`, and one for retired keys that can't be
    used. Raises WrongSetting for a weak NONCE, unless MSRV_ALLOW_WEAK_NONCE is
    set.
    """
    secret, warning = find_nonce(settings, starts_store=starts_store)
    if warning:
        log.warning(warning)
    nonces = {"NONCE": secret}
    if settings.nonce_previous is not None:
        nonces["NONCE_PREVIOUS"] = settings.nonce_previous.get_secret_value()
    for name, value in nonces.items():
        _check_strength(name, value, allow_weak=settings.allow_weak_nonce)
    keyring = Keyring.from_nonces(
        *nonces.values(),
        accepts_simulated=settings.accepts_simulated_payments,
        issuer=issuer_of(settings.public_url),
    )
    return replace(
        keyring, retired=RetiredKeyFile(settings.data).load(keyring)
    )


def load_existing_keyring(settings: Settings) -> Keyring:
    """Return the keys of a store that has run; generate no NONCE.

    What a new one signs in the wrong folder would open nowhere. Raises
    WrongSetting, also where there is no NONCE.
    """
    path = settings.data / FILE_NAME
    if settings.nonce is None and not path.exists():
        raise WrongSetting(
            f"NONCE is not set, and there is no {path}: set NONCE, or "
            "MSRV_DATA to the data folder of a store that has run"
        )
    return load_keyring(settings)


def keep_previous_key(settings: Settings, keyring: Keyring) -> None:
    """Keep the public receipt key of NONCE_PREVIOUS in the data folder.

    Its receipts then stay valid without it. A failure is a warning, as
    NONCE_PREVIOUS itself still verifies them. The key of a weak one isn't
    kept: whoever guesses it could forge receipts forever.
    """
    previous = settings.nonce_previous
    if previous is None:
        return
    former = keyring.generations[1:]
    now = int(time.time())
    keys = [RetiredKey(each.receipt_public_key, now) for each in former]
    if keyring.accepts_simulated:
        keys += [
            RetiredKey(each.simulated.receipt_public_key, now, simulated=True)
            for each in former
            if each.simulated
        ]
    if weakness(previous.get_secret_value()) is not None:
        log.warning(
            "NONCE_PREVIOUS is weak: its public key isn't kept, so its "
            "receipts are valid only while it is set"
        )
        keys = []
    file = RetiredKeyFile(settings.data)
    try:
        make_private_folder(settings.data)
        file.add(keyring, keys)
    except (OSError, InvalidKeyList) as error:
        log.warning(
            "%s can't be updated: %s. Keep NONCE_PREVIOUS set until the store "
            "starts without this warning: only then do its receipts, and "
            "those of earlier NONCEs, stay valid without it",
            file.path,
            reason_of(error),
        )


def _check_strength(name: str, value: str, *, allow_weak: bool) -> None:
    """Raise WrongSetting for a weak NONCE, or log it if it is allowed."""
    found = weakness(value)
    if found is None:
        return
    if not allow_weak:
        raise WrongSetting(
            f"{name} is weak: {found}. Anyone who guesses it can forge all "
            "receipts of this store. Set the output of `msrv "
            "nonce`, or set MSRV_ALLOW_WEAK_NONCE=1 to start anyway"
        )
    log.warning(
        "%s is weak: %s. Anyone who guesses it can forge all receipts",
        name,
        found,
    )


def find_nonce(
    settings: Settings, *, starts_store: bool = False
) -> tuple[str, str | None]:
    """Return NONCE, and a warning if it is a file in the data folder.

    The warning is None for a file that there was before, unless the store
    starts: other commands would only repeat it. If NONCE is not set, it is
    read from that file, which is generated with mode 0600 at the first start.
    Two processes that start at once use the same NONCE. Raises WrongSetting if
    the folder can't be used.
    """
    if settings.nonce is not None:
        return settings.nonce.get_secret_value(), None
    path = settings.data / FILE_NAME
    try:
        found, is_new = _read_or_generate(path)
    except OSError as error:
        raise WrongSetting(
            f"NONCE is not set, and {path} can't be used: {reason_of(error)}"
        ) from None
    except UnicodeDecodeError:
        raise WrongSetting(
            f"NONCE is not set, and {path} is not UTF-8 text"
        ) from None
    if not found:
        raise WrongSetting(f"NONCE is not set, and {path} is empty")
    if not is_new and not starts_store:
        return found, None
    return found, (
        f"NONCE is not set: using {path}. Keep a copy of that file: without "
        "it, no receipt and no link that this store has issued will work."
    )


def known_nonces(settings: Settings) -> dict[str, str]:
    """Return NONCE and NONCE_PREVIOUS, as far as they exist.

    Unlike a start of the store, this generates none. Raises WrongSetting.
    """
    found = {}
    if settings.nonce is not None:
        found["NONCE"] = settings.nonce.get_secret_value()
    elif (settings.data / FILE_NAME).exists():
        found["NONCE"], _ = find_nonce(settings)
    if settings.nonce_previous is not None:
        found["NONCE_PREVIOUS"] = settings.nonce_previous.get_secret_value()
    return found


def _read_or_generate(path: Path) -> tuple[str, bool]:
    """Return the text of the file, and whether it was generated."""
    try:
        return path.read_text(encoding="utf-8").strip(), False
    except FileNotFoundError:
        pass
    make_private_folder(path.parent)
    generated = f"{new_nonce(secrets.token_bytes)}\n".encode()
    # Another process may be starting too: the first to write the file wins.
    write_file(path, generated, overwrite=False)
    return path.read_text(encoding="utf-8").strip(), True
