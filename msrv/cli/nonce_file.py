"""The one secret: where it comes from when the operator gives none."""

import secrets
from pathlib import Path
from typing import Final

from msrv.files import make_private_folder, write_file
from msrv.proofs.keyring import new_nonce
from msrv.settings import Settings, WrongSetting

FILE_NAME: Final = "nonce"


def find(settings: Settings) -> tuple[str, str | None]:
    """Give the NONCE, and a sentence of warning if it had to be kept here.

    With none set, it is read from the data folder, or generated into it with
    mode 0600. Two processes that start at once agree on one. Raises
    WrongSetting where the folder can't be used.
    """
    if settings.nonce is not None:
        return settings.nonce.get_secret_value(), None
    path = settings.data / FILE_NAME
    try:
        nonce = _read_or_make(path)
    except OSError as error:
        raise WrongSetting(
            f"NONCE is not set, and {path} can't be used: {error.strerror}"
        ) from None
    if not nonce:
        raise WrongSetting(f"NONCE is not set, and {path} is empty")
    return nonce, (
        f"NONCE is not set: using {path}. Keep a copy of that file: without "
        "it no receipt and no link that this store has given out works again."
    )


def _read_or_make(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        pass
    make_private_folder(path.parent)
    nonce = f"{new_nonce(secrets.token_bytes)}\n".encode()
    # Another process may be starting too: the first to write it wins.
    write_file(path, nonce, overwrite=False)
    return path.read_text(encoding="utf-8").strip()
