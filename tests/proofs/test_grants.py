# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids of granted orders: fixed by their facts and by NONCE."""

from msrv.proofs import grants
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import is_order_id

FACTS = ("bandcamp", "4027001", "ann@example.org", "night-bus")


def test_id_depends_on_each_fact_and_on_nonce(keyring: Keyring) -> None:
    other = Keyring.from_nonces("another nonce")
    keyrings = (keyring, other)
    found = [grants.order_ids(each, *FACTS) for each in keyrings]
    for number in range(len(FACTS)):
        facts = [*FACTS]
        facts[number] = "x"
        found.append(grants.order_ids(keyring, *facts))
    # No two splits of the same text are equal.
    found.append(grants.order_ids(keyring, "bandcamp4", *FACTS[1:]))
    assert len(set(found)) == len(found)
    assert all(is_order_id(each) for ids in found for each in ids)
    assert grants.order_ids(keyring, *FACTS) == found[0]


def test_id_under_the_previous_nonce_is_known() -> None:
    (old,) = grants.order_ids(Keyring.from_nonces("old"), *FACTS)
    new = Keyring.from_nonces("new", "old")
    assert grants.order_ids(new, *FACTS)[1:] == (old,)
