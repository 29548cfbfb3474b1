# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encrypted backups: only their identity opens them, and errors are kept."""

import io
from pathlib import Path
from typing import BinaryIO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pyrage import x25519

from msrv.backup.encryption import (
    decrypt,
    encrypt,
    parse_recipients,
    read_identities,
)
from msrv.backup.errors import BackupError, CannotDecrypt, DamagedBackup

TEXT = bytes(range(256)) * 4000
"""A megabyte: more than a pipe and a chunk of age hold."""


def encrypted(identity: x25519.Identity) -> bytes:
    file = io.BytesIO()
    with encrypt(file, [identity.to_public()]) as writer:
        writer.write(TEXT)
    return file.getvalue()


def read(data: bytes, identity: x25519.Identity) -> bytes:
    with decrypt(io.BytesIO(data), [identity]) as reader:
        return reader.read()


@pytest.fixture(scope="module")
def identity() -> x25519.Identity:
    return x25519.Identity.generate()


def test_identity_opens_what_was_encrypted_to_its_recipient(
    identity: x25519.Identity,
) -> None:
    data = encrypted(identity)
    assert TEXT[:1000] not in data
    assert read(data, identity) == TEXT


def test_another_identity_does_not_open_it(identity: x25519.Identity) -> None:
    with pytest.raises(CannotDecrypt):
        read(encrypted(identity), x25519.Identity.generate())


@pytest.mark.parametrize("part", [0.5, 0.999])
def test_file_that_is_cut_short_is_damaged(
    identity: x25519.Identity, part: float
) -> None:
    data = encrypted(identity)
    with pytest.raises(DamagedBackup):
        read(data[: int(len(data) * part)], identity)


def test_reader_that_stops_early_does_not_wait(
    identity: x25519.Identity,
) -> None:
    data = io.BytesIO(encrypted(identity))
    with decrypt(data, [identity]) as reader:
        assert reader.read(10) == TEXT[:10]


def test_full_disk_is_the_error_that_is_raised(
    identity: x25519.Identity,
) -> None:
    class FullDisk(io.BytesIO):
        def write(self, data: object) -> int:  # noqa: ARG002 - as a file has
            raise OSError(28, "No space left on device")

    with (
        pytest.raises(OSError, match="No space left"),
        encrypt(FullDisk(), [identity.to_public()]) as writer,
    ):
        writer.write(TEXT)


def test_file_that_cannot_be_read_is_the_error_that_is_raised(
    identity: x25519.Identity,
) -> None:
    class BadDisk(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 300_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    file: BinaryIO = BadDisk(encrypted(identity))
    with (
        pytest.raises(OSError, match="Input/output"),
        decrypt(file, [identity]) as reader,
    ):
        reader.read()


def test_recipients_are_texts_or_a_file_of_them(
    identity: x25519.Identity, tmp_path: Path
) -> None:
    other = x25519.Identity.generate()
    file = tmp_path / "recipients"
    file.write_text(f"# both\n{other.to_public()}\n\n")
    keys = parse_recipients([str(identity.to_public()), str(file)])
    assert len(keys) == 2


def test_identities_are_read_as_age_keygen_writes_them(
    identity: x25519.Identity, tmp_path: Path
) -> None:
    file = tmp_path / "key.txt"
    file.write_text(f"# public key: {identity.to_public()}\n{identity}\n")
    (found,) = read_identities([file])
    assert read(encrypted(identity), found) == TEXT


def test_ssh_keys_are_recipients_and_identities(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(
        Encoding.OpenSSH, PublicFormat.OpenSSH
    )
    (tmp_path / "key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    file = io.BytesIO()
    with encrypt(file, parse_recipients([public.decode()])) as writer:
        writer.write(b"text")
    identities = read_identities([tmp_path / "key"])
    with decrypt(io.BytesIO(file.getvalue()), identities) as reader:
        assert reader.read() == b"text"


@pytest.mark.parametrize("text", ["age1nope", "no-such-file", "ssh-rsa x"])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(BackupError, match=r"age1|ssh-"):
        parse_recipients([text])


def test_error_about_an_identity_has_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text("AGE-SECRET-KEY-1SECRETSECRET\n")
    with pytest.raises(BackupError) as caught:
        read_identities([file])
    assert "SECRETSECRET" not in str(caught.value)
    file.write_text("# nothing\n")
    with pytest.raises(BackupError, match="no identity"):
        read_identities([file])
