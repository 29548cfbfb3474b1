# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encryption of a backup to recipients of `age`, by pyrage.

A recipient is public: the machine that makes a backup can't read it again.
An identity, its secret half, is needed to restore. https://age-encryption.org
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from msrv.backup.errors import BackupError, CannotDecrypt, DamagedBackup
from msrv.display_text import reason_of
from msrv.settings.optional_packages import require_packages

MAGIC: Final = b"age-encryption.org/v1"
"""First bytes of an encrypted file."""
_MAX_KEY_FILE_BYTES: Final = 64 * 1024
_SSH_IDENTITY: Final = "-----BEGIN OPENSSH PRIVATE KEY-----"


def parse_recipients(texts: Iterable[str]) -> list[Any]:
    """Return the recipients of texts: `age1…`, an SSH key, or a file of them.

    Raises BackupError for one that is neither, and PackageMissing.
    """
    require_packages("backup", "An encrypted backup")
    from pyrage import RecipientError, ssh, x25519  # noqa: PLC0415 - an extra

    found = []
    for text in texts:
        lines = [text.strip()]
        if not text.startswith(("age1", "ssh-")):
            if not Path(text).is_file():
                raise BackupError(
                    f"{_shorten(text)} is neither a recipient, which begins "
                    "with age1 or ssh-, nor a file of them"
                )
            lines = _lines(_read_key_file(Path(text)))
        for line in lines:
            kind = ssh if line.startswith("ssh-") else x25519
            try:
                found.append(kind.Recipient.from_str(line))
            except RecipientError as error:
                raise BackupError(
                    f"{_shorten(line)} is not a recipient: `age-keygen` "
                    "prints one that begins with age1"
                ) from error
    if not found:
        raise BackupError("there is no recipient in the file of recipients")
    return found


def read_identities(paths: Iterable[Path]) -> list[Any]:
    """Return the identities of files, as `age-keygen` or ssh-keygen write.

    Raises BackupError, whose text never has a secret, and PackageMissing.
    """
    require_packages("backup", "An encrypted backup")
    from pyrage import IdentityError, ssh, x25519  # noqa: PLC0415 - an extra

    found: list[Any] = []
    for path in paths:
        text = _read_key_file(path)
        try:
            if text.lstrip().startswith(_SSH_IDENTITY):
                found.append(ssh.Identity.from_buffer(text.encode()))
            else:
                found.extend(
                    x25519.Identity.from_str(line) for line in _lines(text)
                )
        except IdentityError:
            raise BackupError(
                f"{path} has something that is not an identity of age"
            ) from None
    if not found:
        raise BackupError("there is no identity in the file of identities")
    return found


@contextlib.contextmanager
def encrypt(file: BinaryIO, recipients: Sequence[Any]) -> Iterator[BinaryIO]:
    """Return a file whose contents are encrypted to another one.

    It is complete when the block ends. Raises BackupError, and OSError.
    """
    from pyrage import EncryptError, encrypt_io  # noqa: PLC0415 - an extra

    output = _Watched(file)

    def work(reader: BinaryIO) -> None:
        try:
            encrypt_io(reader, output, list(recipients))
        except (EncryptError, OSError) as error:
            if output.error is not None:
                raise output.error from None
            raise BackupError(f"can't encrypt: {error}") from error

    with _pipe() as (reader, writer):
        thread = _Worker(work, reader)
        try:
            with writer:
                yield writer
        except BrokenPipeError:
            thread.join_or_raise()
            raise
        except BaseException:
            thread.join()
            raise
        thread.join_or_raise()


@contextlib.contextmanager
def decrypt(file: BinaryIO, identities: Sequence[Any]) -> Iterator[BinaryIO]:
    """Return a file with the decrypted contents of another one.

    Raises CannotDecrypt, DamagedBackup, and OSError. The block has to read
    the file to its end, unless it fails.
    """
    from pyrage import DecryptError, decrypt_io  # noqa: PLC0415 - an extra

    source = _Watched(file)

    def work(writer: BinaryIO) -> None:
        output = _Watched(writer)
        try:
            decrypt_io(source, output, list(identities))
        except (DecryptError, OSError) as error:
            if isinstance(output.error, BrokenPipeError):
                return  # the reader has failed, and says why
            if source.error is not None:
                raise source.error from None
            if output.used:
                raise DamagedBackup(
                    "the backup is damaged or cut short"
                ) from error
            raise CannotDecrypt(
                "the backup is damaged, or encrypted to another identity "
                "than the one given"
            ) from error
        finally:
            # What is left in its buffer is for a reader that has stopped.
            with contextlib.suppress(BrokenPipeError):
                writer.close()

    with _pipe() as (reader, writer):
        thread = _Worker(work, writer)
        try:
            with reader:
                yield reader
        except DamagedBackup:
            # The end of a file that can't be decrypted looks cut short.
            thread.join_or_raise()
            raise
        finally:
            thread.join()
        thread.join_or_raise()


class _Worker:
    """Thread that owns one end of a pipe, and keeps its error."""

    def __init__(
        self, work: Callable[[BinaryIO], None], end: BinaryIO
    ) -> None:
        self._work = work
        self._end = end
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._end:
                self._work(self._end)
        except BaseException as error:  # noqa: BLE001 - raised by its owner
            self._error = error

    def join(self) -> None:
        """Wait until the thread has finished."""
        self._thread.join()

    def join_or_raise(self) -> None:
        """Wait until the thread has finished, and raise its error."""
        self._thread.join()
        if self._error is not None:
            raise self._error


class _Watched:
    """File that remembers its error: pyrage has only the text of one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.used = False

    def read(self, size: int = -1) -> bytes:
        """Read as the file does."""
        with self._errors():
            return self._file.read(size)

    def write(self, data: bytes) -> int:
        """Write as the file does."""
        self.used = True
        with self._errors():
            return self._file.write(data)

    def flush(self) -> None:
        """Write what is buffered."""
        with self._errors():
            self._file.flush()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = error
            raise


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb") as writer:
        yield reader, writer


def _lines(text: str) -> list[str]:
    """Return the lines of a file of keys, without comments."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _read_key_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY_FILE_BYTES).decode("utf-8")
    except OSError as error:
        raise BackupError(f"can't read {path}: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise BackupError(f"can't read {path}: not a text file") from error


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 24 else f"{text[:24]}…")
