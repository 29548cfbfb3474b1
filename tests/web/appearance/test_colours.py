# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contrast, as WCAG defines it."""

import pytest

from msrv.web.appearance.colours import contrast, mix, readable


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21),
        ("#777777", "#ffffff", 4.48),
        ("#ffffff", "#ffffff", 1),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


def test_mixture_has_shares_of_both() -> None:
    assert mix("#000000", "#ff8000", 0) == "#000000"
    assert mix("#000000", "#ff8000", 0.5) == "#804000"


def test_colour_is_adjusted_to_the_least_favourable_background() -> None:
    found = readable("#808080", "#000000", "#404040")
    assert contrast(found, "#404040") >= 4.5
