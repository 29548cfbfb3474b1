# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""File of the retired keys, in the data folder.

At each start, the public key of NONCE_PREVIOUS is added to the file, and
everything in it is confirmed by NONCE: `msrv.retired_keys.key_list` has the
format. Replicas with a common data folder share the file. A key that isn't
confirmed stays in the file, without any effect: a start with a wrong NONCE
loses nothing.
"""

import contextlib
import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msrv.display_text import reason_of
from msrv.files import give_to_owner, write_file
from msrv.proofs.keyring import Keyring, RetiredKey
from msrv.retired_keys.key_list import (
    InvalidKeyList,
    ListedKey,
    confirm,
    confirmed_keys,
    format_list,
    parse_list,
    reconfirmed,
)

log = logging.getLogger(__name__)

FILE_NAME: Final = "retired_keys.json"
MAX_BYTES: Final = 2**20
"""Thousands of keys; a longer file is none that the store has written."""
_LOCK_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class RetiredKeyFile:
    """File of retired keys in a data folder.

    All methods block, and raise OSError or InvalidKeyList for a file that
    can't be used.
    """

    data: Path

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.data / FILE_NAME

    def read(self) -> list[Any]:
        """Return the listed keys, unchecked; none without a file."""
        try:
            with self.path.open("rb") as file:
                text = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return []
        if len(text) > MAX_BYTES:
            raise InvalidKeyList("it is too long")
        return parse_list(text)

    def load(self, keyring: Keyring) -> tuple[RetiredKey, ...]:
        """Return the keys that count; never raises.

        Logs a warning for a file that can't be read, and for keys that no
        NONCE of the keyring has confirmed.
        """
        try:
            keys, others = confirmed_keys(keyring, self.read())
        except (OSError, InvalidKeyList) as error:
            log.warning(
                "%s can't be read: %s. Receipts of former NONCEs aren't "
                "accepted, except those of NONCE_PREVIOUS",
                self.path,
                reason_of(error),
            )
            return ()
        if others:
            log.warning(
                "%s has keys that this NONCE has not confirmed (%d): their "
                "receipts aren't accepted; see `python -m msrv keys`",
                self.path,
                others,
            )
        return keys

    def add(self, keyring: Keyring, keys: Iterable[RetiredKey]) -> None:
        """Add keys, confirmed by all NONCEs of a keyring.

        What one of them had confirmed before, all of them confirm now. The
        key in use is removed: it has not been retired.
        """
        added = tuple(keys)
        self._update(lambda listed: _merged(listed, keyring, added))

    def remove(self, kids: Iterable[str]) -> None:
        """Remove keys, confirmed or not."""
        removed = frozenset(kids)
        self._update(
            lambda listed: [
                each for each in listed if _kid_of(each) not in removed
            ]
        )

    def _update(self, change: Callable[[list[Any]], list[Any]]) -> None:
        listed = self.read()
        if change(listed) == listed:
            return  # so that a folder that is read-only does no harm
        with _locked(self.data):
            wanted = change(self.read())
            write_file(self.path, format_list(wanted))
            give_to_owner(self.data, self.path)


def _merged(
    listed: list[Any], keyring: Keyring, added: Sequence[RetiredKey]
) -> list[Any]:
    """Return a list with more keys, each confirmed by the keyring."""
    generations, in_use = keyring.generations, keyring.kids_in_use
    confirmed: dict[str | None, Any] = {}
    others = []
    for value in listed:
        kid = _kid_of(value)
        again = reconfirmed(value, generations)
        if again is None:
            others.append(value)
        else:
            confirmed[kid] = again
    for key in added:
        if key.kid not in confirmed:
            confirmed[key.kid] = confirm(key, generations)
    known = in_use | confirmed.keys()
    return [
        *(each for kid, each in confirmed.items() if kid not in in_use),
        *(each for each in others if _kid_of(each) not in known),
    ]


def _kid_of(value: object) -> str | None:
    """Return the `kid` of a listed key, None for one that can't be read."""
    try:
        return ListedKey.parse(value).kid
    except InvalidKeyList:
        return None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raises TimeoutError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Wait for the lock of a file. Raises TimeoutError."""
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError(
                    errno.ETIMEDOUT, "another process holds its lock"
                ) from None
            time.sleep(_RETRY_SECONDS)
        except OSError:
            # A file system without locks. Replicas that start at once write
            # the same keys.
            return
        else:
            return
