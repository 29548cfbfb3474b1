# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Passkeys of operators, and the tag that makes a row one of the store's."""

from dataclasses import dataclass, field
from typing import Final, Self

from msrv.passkeys.ceremonies import Credential
from msrv.proofs.encoding import is_same
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import tag

ID_BYTES: Final = 6
MAX_NAME_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class Passkey:
    """Passkey of an operator; `operator_id` is empty for the one without name.

    `passkey_id` is random, in hexadecimal: logs and the activity log have it,
    and nothing else of a passkey. `tag` is the store's own, of operator and
    credential: whoever can write to the database, but doesn't know NONCE,
    can't add a passkey. `created_at` is in Unix seconds, `last_used_day` in
    days since 1970, UTC, and None before the first use.
    """

    passkey_id: str
    operator_id: str
    name: str
    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int
    transports: tuple[str, ...]
    tag: str = field(repr=False)
    created_at: int
    last_used_day: int | None = None

    @classmethod
    def of(
        cls,
        keyring: Keyring,
        credential: Credential,
        *,
        passkey_id: str,
        operator_id: str,
        name: str,
        now: int,
    ) -> Self:
        """Return a new passkey with its tag."""
        return cls(
            passkey_id=passkey_id,
            operator_id=operator_id,
            name=name,
            credential_id=credential.credential_id,
            public_key=credential.public_key,
            sign_count=credential.sign_count,
            transports=credential.transports,
            tag=_tag(
                keyring,
                operator_id,
                credential.credential_id,
                credential.public_key,
            ),
            created_at=now,
        )

    def is_genuine(self, keyring: Keyring) -> bool:
        """Return whether the store added it, under the present NONCE.

        After a change of NONCE, a passkey has to be added again.
        """
        return is_same(
            _tag(
                keyring, self.operator_id, self.credential_id, self.public_key
            ),
            self.tag,
        )


def _tag(
    keyring: Keyring, operator_id: str, credential_id: bytes, key: bytes
) -> str:
    return tag(
        keyring,
        Purpose.PASSKEY,
        b"credential",
        operator_id.encode("ascii"),
        credential_id,
        key,
    )
