# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Links that stop mails: of one order, and of no other store's."""

import pytest

from msrv.proofs.corrections import stop_links
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring
from tests.ledger.sample_events import order_id


def test_link_is_of_one_order_under_any_nonce_that_is_set() -> None:
    old, new = (Generation.from_nonce(each * 40) for each in "ab")
    path = stop_links.stop_path(Keyring((old,)), order_id(1))
    token = path.removeprefix("/corrections/")
    for known in ((old,), (new, old)):
        assert stop_links.read(Keyring(known), token) == order_id(1)
    with pytest.raises(Forged):
        stop_links.read(Keyring((new,)), token)
    tag = token.rpartition(".")[2]
    for forged in (
        "",
        ".",
        order_id(1),
        f"{order_id(1)}.",
        f"{order_id(2)}.{tag}",
        f"{order_id(1).lower()}.{tag}",
        f"{token}.",
        f"{token}=",
        f"{order_id(1)}.{tag[:-1]}é",
    ):
        with pytest.raises(Forged):
            stop_links.read(Keyring((old,)), forged)
