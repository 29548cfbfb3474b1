# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Which receipt mails say that a tax was added to the prices."""

import dataclasses

import pytest

from msrv.catalog.model import Shop
from msrv.orders.receipt_mails import adds_tax
from msrv.payments.registry import DemoProvider, FreeProvider, Providers
from tests.mail.sample_mails import sample_mail


class _TaxingProvider(DemoProvider):
    name = "taxing"
    adds_tax = True


@pytest.mark.parametrize(
    ("provider", "tax_included", "expected"),
    [
        ("taxing", False, True),
        ("taxing-test", False, True),
        ("taxing", True, False),
        ("free", False, False),
        ("grant", False, False),
    ],
)
def test_tax_is_added_by_the_provider_unless_prices_include_it(
    provider: str,
    tax_included: bool,  # noqa: FBT001 - a parameter of the test
    expected: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    providers = Providers(FreeProvider(), _TaxingProvider())
    receipt = dataclasses.replace(sample_mail().receipt, provider=provider)
    shop = Shop(tax_included=tax_included)
    assert adds_tax(providers, shop, receipt) is expected
