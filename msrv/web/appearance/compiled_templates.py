# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Compiled templates in the data folder, so that a start doesn't compile them.

Compiling those of a page takes a tenth of a second, in which no request is
answered. The files are code: each has a MAC by NONCE, so that whoever can
write to the data folder can't run code in the store, unless NONCE is a file
there too.
"""

import contextlib
import marshal
import secrets
from pathlib import Path
from typing import Final

import jinja2
from jinja2.bccache import Bucket, bc_magic

import msrv
from msrv.files import make_private_folder
from msrv.proofs.encoding import is_same
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import TAG_CHARS, tag

FOLDER_NAME: Final = "templates"


class CompiledTemplates(jinja2.BytecodeCache):
    """Code of templates in a folder, by their names and texts.

    It is that of one Python, Jinja, MSRV and NONCE: of others nothing is
    read. A file that can't be read or written costs a compilation.
    """

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring

    def load_bytecode(self, bucket: Bucket) -> None:
        """Set a template's code, if there is a file of it."""
        try:
            data = (self._folder / bucket.key).read_bytes()
        except OSError:
            return
        stated, code = data[:TAG_CHARS], data[TAG_CHARS:]
        # Neither a file that somebody else wrote nor half of one gets past
        # this, and `marshal` is safe for nothing else.
        if is_same(self._tag(bucket, code), stated.decode("latin-1")):
            bucket.code = marshal.loads(code)  # noqa: S302 - as above

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write the code of a template that was compiled just now."""
        code = marshal.dumps(bucket.code)
        draft = self._folder / f".{bucket.key}.{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            make_private_folder(self._folder)
            try:
                # Not synced, since requests wait for it: after a power cut
                # the MAC is wrong.
                draft.write_bytes(self._tag(bucket, code).encode() + code)
                draft.replace(self._folder / bucket.key)
            finally:
                draft.unlink(missing_ok=True)

    def _tag(self, bucket: Bucket, code: bytes) -> str:
        environment = bucket.environment
        options = (
            environment.trim_blocks,
            environment.lstrip_blocks,
            sorted(environment.extensions),
        )
        return tag(
            self._keyring,
            Purpose.TEMPLATE,
            bc_magic,
            f"{jinja2.__version__} {msrv.__version__} {options}".encode(),
            f"{bucket.key} {bucket.checksum}".encode(),
            code,
        )
