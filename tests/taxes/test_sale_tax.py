# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tax of a sale: amounts, and its forms in events and rows."""

import json

from hypothesis import given
from hypothesis import strategies as st

from msrv.taxes.sale_tax import (
    MAX_EVIDENCE,
    CountryEvidence,
    SaleTax,
    format_evidence,
    parse_evidence,
)

COUNTRIES = st.sampled_from(["DE", "FR", "GR", "US", "JP"])
EVIDENCE = st.lists(
    st.builds(
        CountryEvidence,
        st.sampled_from(["billing-address", "card", "paypal", "sepa-debit"]),
        COUNTRIES,
    ),
    max_size=MAX_EVIDENCE,
    unique_by=lambda each: each.kind,
).map(tuple)


@st.composite
def taxes(draw: st.DrawFn, most: int = 10**6) -> SaleTax:
    """Return any tax of a sale of `most` minor units."""
    tax_minor = draw(st.none() | st.integers(0, most))
    return SaleTax(
        draw(st.just("") | COUNTRIES),
        draw(EVIDENCE),
        tax_minor,
        draw(st.booleans()),
        None
        if tax_minor is None
        else draw(st.none() | st.integers(0, 10_000)),
        draw(st.sampled_from(["", "Deutschland", "CA"])),
        draw(st.booleans()),
    )


@given(taxes())
def test_tax_survives_both_of_its_forms(tax: SaleTax) -> None:
    text = json.dumps(tax.to_json())
    assert SaleTax.from_json(json.loads(text)) == tax
    assert parse_evidence(format_evidence(tax.evidence)) == tax.evidence
    later = {**json.loads(text), "member_of_a_later_version": 1}
    assert SaleTax.from_json(later) == tax


@given(taxes(), st.integers(10**6, 10**9))
def test_net_and_tax_add_up_to_gross(tax: SaleTax, total_minor: int) -> None:
    gross = tax.gross_minor(total_minor)
    assert tax.net_minor(total_minor) + (tax.tax_minor or 0) == gross
    if tax.is_included or tax.tax_minor is None:
        assert gross == total_minor
    else:
        assert tax.net_minor(total_minor) == total_minor


def test_evidence_of_several_countries_is_a_contradiction() -> None:
    german = CountryEvidence("billing-address", "DE")
    assert not SaleTax("DE", (german,)).is_contradicted
    both = (german, CountryEvidence("card", "DE"))
    assert not SaleTax("DE", both).is_contradicted
    other = (german, CountryEvidence("card", "AT"))
    assert SaleTax("DE", other).is_contradicted


def test_tax_without_any_fact_says_nothing() -> None:
    assert SaleTax().says_nothing
    assert not SaleTax(tax_minor=0).says_nothing
    card = (CountryEvidence("card", "AT"),)
    assert not SaleTax(evidence=card).says_nothing
