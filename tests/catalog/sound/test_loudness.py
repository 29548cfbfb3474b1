# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Loudness that ffmpeg prints, and the gain that follows from it."""

import pytest

from msrv.catalog.sound.loudness import (
    Loudness,
    parse_loudness,
    playing_gain,
)

SUMMARY = """
  Integrated loudness:
    I:         {} LUFS
    Threshold: -18.4 LUFS

  True peak:
    Peak:       {} dBFS"""


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (SUMMARY.format("-8.4", "-6.0"), Loudness(-8.4, -6.0)),
        (SUMMARY.format("1.2", "3.4"), Loudness(1.2, 3.4)),
        (SUMMARY.format("-70.0", "-inf"), Loudness(-70.0, -120.0)),
        (SUMMARY.format("-99.9", "-999.9"), Loudness(-70.0, -120.0)),
        (
            "title : I: 99.0 LUFS Peak: 0.0 dBFS"
            + SUMMARY.format("-20.0", "-3.0"),
            Loudness(-20.0, -3.0),
        ),
        ("I: nan LUFS\nPeak: nan dBFS", None),
        ("", None),
    ],
)
def test_summary_is_the_last(messages: str, found: Loudness | None) -> None:
    assert parse_loudness(messages) == found


@pytest.mark.parametrize(
    ("loudness", "tagged", "gain"),
    [
        (Loudness(-8.4, -0.1), None, -9.6),
        (Loudness(-24.0, -10.0), None, 6.0),
        # Not so high that its peaks would be clipped, by tags or measured.
        (Loudness(-24.0, -3.0), None, 2.0),
        (Loudness(-24.0, -3.0), 9.0, 2.0),
        (Loudness(-18.0, 0.5), None, -1.5),
        (Loudness(-8.4, -0.1), -3.21, -3.21),
        # Almost silent, or tags of nonsense.
        (Loudness(-60.0, -50.0), None, 20.0),
        (Loudness(-18.0, -6.0), -60.0, -40.0),
        (Loudness(-70.0, -120.0), None, 0.0),
        (Loudness(-70.0, -120.0), 12.0, 0.0),
        (None, -6.0, 0.0),
    ],
)
def test_gain_leads_to_one_level_without_clipping(
    loudness: Loudness | None, tagged: float | None, gain: float
) -> None:
    assert playing_gain(loudness, tagged) == gain


def test_peak_is_a_factor() -> None:
    assert Loudness(-18.0, 0.0).peak == 1
    assert Loudness(-18.0, -6.0206).peak == pytest.approx(0.5, abs=1e-4)
