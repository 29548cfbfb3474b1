# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Peaks of samples, and the SVG of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.sound.waveform import (
    MAX_PEAK,
    PEAKS,
    SAMPLE_RATE_HZ,
    PeakMeter,
    draw_waveform,
)


def samples(*values: int) -> bytes:
    return b"".join(each.to_bytes(2, "little", signed=True) for each in values)


def test_peaks_are_those_of_equal_parts_of_all_channels() -> None:
    meter = PeakMeter(2)
    second = SAMPLE_RATE_HZ
    meter.add(samples(0, -32768) + samples(1, 1) * (second - 1))
    meter.add(samples(16384, 0) * second)
    meter.add(samples(0, 0) * second)
    assert list(meter.peaks(3)) == [100, 50, 0]
    found = meter.peaks()
    assert len(found) == PEAKS
    assert found[0] == MAX_PEAK


@given(st.lists(st.binary(max_size=900), max_size=30), st.integers(1, 2))
def test_any_bytes_in_any_parts_have_the_same_peaks(
    parts: list[bytes], channels: int
) -> None:
    one, many = PeakMeter(channels), PeakMeter(channels)
    one.add(b"".join(parts))
    for part in parts:
        many.add(part)
    found = many.peaks()
    assert found == one.peaks()
    assert len(found) in {0, PEAKS}
    assert max(found, default=MAX_PEAK) == MAX_PEAK


@pytest.mark.parametrize("data", [b"", bytes(80_000), b"\x01"])
def test_silence_has_no_peaks(data: bytes) -> None:
    meter = PeakMeter(1)
    meter.add(data)
    assert meter.peaks() == b""


def test_svg_is_small_and_has_one_colour() -> None:
    svg = draw_waveform(bytes(each % 101 for each in range(PEAKS)))
    assert re.fullmatch(
        rf'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PEAKS - 1} '
        r'200" preserveAspectRatio="none" fill="currentColor">'
        r'<path d="M0 98 1 98 2 98 3 97( [0-9]+)+z"/></svg>\n',
        svg.decode("ascii"),
    )
    assert len(svg) < 5000
