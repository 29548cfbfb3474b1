"""The one secret: where it comes from when the operator gives none."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from msrv.files import make_private_folder
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
    # Written whole under another name, then linked: a second process sees
    # all of the file or none of it, and the first to link wins.
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(new_nonce(secrets.token_bytes) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_text(encoding="utf-8").strip()
