# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mastering: even loudness, no peak above the ceiling, quiet edges.

Loudness is that of ITU-R BS.1770-4: K-weighted, gated, in LUFS.
"""

from typing import Final

import numpy as np

from demo.tones import RATE, Samples, band, filtered, quick

TARGET_LUFS: Final = -16.0
CEILING: Final = 10 ** (-2.2 / 20)
"""Below -1 dBFS, as a lossy encoder adds about a decibel to a peak."""

FADE_IN_SECONDS: Final = 0.01
FADE_OUT_SECONDS: Final = 2.5

# BS.1770-4, tables 1 and 2: the two filters' coefficients at 48 kHz.
_SHELF: Final = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
_HIGH_PASS: Final = (
    (1.0, -2.0, 1.0),
    (1.0, -1.99004745483398, 0.99007225036621),
)


def master(sound: Samples) -> Samples:
    """Make a mix ready to encode: (samples, 2), within the ceiling."""
    sound = _opened(band(sound, 30, 15_000))
    for _ in range(3):
        gain = 10 ** ((TARGET_LUFS - loudness(sound)) / 20)
        sound = _limit(sound * gain)
    return _faded(sound)


def _opened(sound: Samples) -> Samples:
    """Lift what is above some 2 kHz by 4 dB: a window, a little open."""
    hz = np.fft.rfftfreq(quick(len(sound)), 1 / RATE)
    lift = 10 ** (4 / 20) - 1
    return filtered(sound, 1 + lift / (1 + (2000 / np.maximum(hz, 1)) ** 2))


def loudness(sound: Samples) -> float:
    """Measure integrated loudness in LUFS."""
    power = (_weighted(sound) ** 2).sum(axis=1)
    block, hop = round(0.4 * RATE), round(0.1 * RATE)
    total = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(sound) - block, hop)
    blocks = (total[starts + block] - total[starts]) / block
    loud = blocks[_lufs(blocks) > -70]
    gate = _lufs(loud.mean()) - 10
    return float(_lufs(loud[_lufs(loud) > gate].mean()))


def _lufs(power: Samples) -> Samples:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-12))


def _weighted(sound: Samples) -> Samples:
    hz = np.fft.rfftfreq(quick(len(sound)), 1 / RATE)
    z = np.exp(-2j * np.pi * hz / 48_000)
    gain = np.ones_like(z)
    for over, under in (_SHELF, _HIGH_PASS):
        gain *= np.polyval(over[::-1], z) / np.polyval(under[::-1], z)
    return filtered(sound, np.abs(gain))


def _limit(sound: Samples) -> Samples:
    """Turn down around each peak, smoothly, before it comes."""
    reach = 10  # 2 ** 10 samples, 23 ms
    need = np.minimum(1, CEILING / np.maximum(np.abs(sound).max(axis=1), 1e-9))
    need = np.pad(need, 1 << reach, constant_values=1.0)
    for power in range(reach):
        step = 1 << power
        need[:-step] = np.minimum(need[:-step], need[step:])
    width = 1 << (reach - 1)
    window = np.hanning(width)
    size = 1 << (len(need) + width).bit_length()
    smooth = np.fft.irfft(
        np.fft.rfft(need, size) * np.fft.rfft(window / window.sum(), size),
        size,
    )
    # At this place the window only covers minima that saw the sample itself.
    late = 3 << (reach - 2)
    gain = smooth[late : late + len(sound)]
    return sound * np.minimum(gain, 1)[:, None]


def _faded(sound: Samples) -> Samples:
    count = len(sound)
    time = np.arange(count) / RATE
    rise = np.clip(time / FADE_IN_SECONDS, 0, 1)
    fall = np.clip((time[-1] - time) / FADE_OUT_SECONDS, 0, 1)
    edge: Samples = np.sin(np.minimum(rise, fall) * np.pi / 2) ** 2
    return sound * edge[:, None]
