# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The instruments: how one note of each sounds, as samples in mono.

Every tone is additive or frequency modulation, so that nothing is sampled
and nothing aliases: partials above MAX_HZ are left out. Nothing here knows
of beats, panning or rooms.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RATE: Final = 44_100
"""Samples a second, of everything until it is encoded."""

MAX_HZ: Final = 12_000.0

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Note:
    """What an instrument is asked for.

    `velocity` is from 0, not heard, to 1, as hard as it goes. `rng` is where
    a drum takes its noise from: no two hits are the same.
    """

    hz: float
    seconds: float
    velocity: float
    rng: np.random.Generator


Tone = Callable[[Note], Samples]


def clock(seconds: float) -> Samples:
    """Return the time in seconds of each sample."""
    return np.arange(round(seconds * RATE), dtype=np.float64) / RATE


def band(sound: Samples, low_hz: float, high_hz: float) -> Samples:
    """Keep what lies between, 12 dB an octave outside, along axis 0."""
    size = quick(len(sound))
    hz = np.fft.rfftfreq(size, 1 / RATE)
    hz[0] = 1e-3
    gain = 1 / np.sqrt((1 + (low_hz / hz) ** 4) * (1 + (hz / high_hz) ** 4))
    return filtered(sound, gain)


def filtered(sound: Samples, gain: Samples) -> Samples:
    """Multiply the spectrum of `quick(len(sound))` samples by `gain`."""
    size = quick(len(sound))
    spectrum = np.fft.rfft(sound, size, axis=0)
    shaped = (spectrum.T * gain).T
    result: Samples = np.fft.irfft(shaped, size, axis=0)[: len(sound)]
    return result


def quick(count: int) -> int:
    """Return the length, at least this, whose Fourier transform is quick."""
    power = 1 << max(count - 1, 1).bit_length()
    return min(
        size
        for size in (power * 5 // 8, power * 3 // 4, power)
        if size >= count
    )


def _gate(time: Samples, held: float, attack: float, rest: float) -> Samples:
    """Rise over `attack`, stay, and be silent `rest` after `held` seconds."""
    rise = np.clip(time / attack, 0, 1)
    fall = np.clip((held + rest - time) / rest, 0, 1)
    shape: Samples = np.sin(np.minimum(rise, fall) * np.pi / 2) ** 2
    return shape


def _partials(
    time: Samples, hz: float, recipe: Iterable[tuple[float, float, float]]
) -> Samples:
    """Sum sines of (ratio to hz, level, seconds until down to 1/e)."""
    sound = np.zeros_like(time)
    for ratio, level, decay in recipe:
        if ratio * hz < MAX_HZ:
            wave = np.sin(2 * np.pi * hz * ratio * time)
            sound += level * wave * np.exp(-time / decay)
    return sound


def electric_piano(note: Note) -> Samples:
    """Two-operator frequency modulation, and a short tine above it."""
    time = clock(note.seconds + 0.4)
    turn = 2 * np.pi * note.hz * time
    bark = (0.4 + 1.7 * note.velocity) * min(1.0, (260 / note.hz) ** 0.7)
    body = np.sin(turn + bark * np.exp(-time / 0.6) * np.sin(turn))
    tine = np.sin(7 * turn) * np.exp(-time / 0.08) * 0.16 * note.velocity
    ring = np.exp(-time / (1.9 * (220 / note.hz) ** 0.4))
    struck: Samples = (body * ring + tine) * note.velocity
    return struck * _gate(time, note.seconds, 0.004, 0.4)


def guitar(note: Note) -> Samples:
    """Nylon strings, plucked at about a fifth of their length."""
    time = clock(note.seconds + 0.25)
    length = 1.9 * (200 / note.hz) ** 0.45
    edge = 1.6 - 0.5 * note.velocity
    recipe = (
        (
            k * np.sqrt(1 + 8e-5 * k * k),
            np.sin(k * np.pi * 0.21) / k**edge * 1.4,
            length / (1 + 0.22 * k + 0.03 * k * k),
        )
        for k in range(1, 22)
    )
    sound = _partials(time, note.hz, recipe) * note.velocity
    return sound * _gate(time, note.seconds, 0.002, 0.25)


def sequencer(note: Note) -> Samples:
    """Play a saw whose filter closes quickly: a machine that counts."""
    time = clock(note.seconds + 0.15)
    bright = 0.25 + 0.5 * note.velocity
    recipe = ((k, 0.6 / k, bright / k**0.85) for k in range(1, 24))
    sound = _partials(time, note.hz, recipe) * note.velocity
    return sound * _gate(time, note.seconds, 0.004, 0.15)


def marimba(note: Note) -> Samples:
    """Rosewood: the bar is tuned to two octaves above, and stops soon."""
    time = clock(1.6)
    length = (330 / note.hz) ** 0.6
    hard = 0.12 + 0.25 * note.velocity
    recipe = (
        (1.0, 1.0, 0.42 * length),
        (3.93, hard, 0.12 * length),
        (9.2, hard * 0.3, 0.03 * length),
    )
    sound = _partials(time, note.hz, recipe) * note.velocity
    return sound * _gate(time, 1.3, 0.002, 0.3)


def vibraphone(note: Note) -> Samples:
    """Metal bars with the motor on."""
    time = clock(note.seconds + 0.8)
    recipe = (
        (1.0, 1.0, 1.9 * (440 / note.hz) ** 0.4),
        (3.98, 0.05 + 0.16 * note.velocity, 0.7),
        (9.9, 0.05 * note.velocity, 0.09),
    )
    motor = 1 - 0.16 * (1 - np.cos(2 * np.pi * 4.7 * time))
    sound = _partials(time, note.hz, recipe) * motor * note.velocity
    return sound * _gate(time, note.seconds, 0.003, 0.8)


def celesta(note: Note) -> Samples:
    """Small bells in a wooden box."""
    time = clock(note.seconds + 0.6)
    recipe = (
        (1.0, 1.0, 0.8),
        (2.0, 0.12, 0.6),
        (4.02, 0.2, 0.22),
        (7.9, 0.05, 0.06),
    )
    sound = _partials(time, note.hz, recipe) * note.velocity
    return sound * _gate(time, note.seconds, 0.003, 0.6)


def whistle(note: Note) -> Samples:
    """Play a nearly pure tone, whose vibrato comes late, as with people."""
    time = clock(note.seconds + 0.16)
    late = np.clip((time - 0.22) / 0.5, 0, 1)
    bend = -0.25 * np.exp(-time / 0.035)
    vibrato = 0.16 * late * np.sin(2 * np.pi * 5.1 * time)
    pitch = note.hz * 2 ** ((bend + vibrato) / 12)
    turn = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = np.sin(turn) + 0.14 * np.sin(2 * turn) + 0.06 * np.sin(3 * turn)
    swell = 0.8 + 0.2 * late
    return (
        note.velocity * sound * swell * _gate(time, note.seconds, 0.05, 0.16)
    )


def pad(note: Note) -> Samples:
    """Play a wide, dark chord organ that takes its time."""
    time = clock(note.seconds + 1.5)
    sound = np.zeros_like(time)
    for k in range(1, 9):
        level = 1 / k**1.5 / (1 + (k * note.hz / 1500) ** 2)
        drift = 1 + 0.3 * np.sin(2 * np.pi * (0.09 + 0.03 * k) * time + k)
        turn = 2 * np.pi * k * note.hz * time + 2.4 * k * k
        sound += level * drift * np.sin(turn)
    return note.velocity * sound * _gate(time, note.seconds, 0.9, 1.5)


def organ(note: Note) -> Samples:
    """Four drawbars and a slow rotating speaker."""
    time = clock(note.seconds + 0.12)
    turn = 2 * np.pi * note.hz * time
    turn += 0.12 * np.sin(2 * np.pi * 5.6 * time)
    levels = (1.0, 0.5, 0.28, 0.1)
    sound = sum(
        (np.sin(k * turn) * level for k, level in enumerate(levels, 1)),
        np.zeros_like(time),
    )
    return note.velocity * sound * _gate(time, note.seconds, 0.018, 0.12)


def bass(note: Note) -> Samples:
    """Flat-wound strings, with a thumb."""
    time = clock(note.seconds + 0.09)
    recipe = (
        (1.0, 1.0, 1.6),
        (2.0, 0.45, 0.7),
        (3.0, 0.2, 0.35),
        (4.0, 0.09, 0.16),
    )
    sound = np.tanh(1.2 * _partials(time, note.hz, recipe))
    return note.velocity * sound * _gate(time, note.seconds, 0.007, 0.09)


def sub(note: Note) -> Samples:
    """Play what is felt, with just enough above it for small speakers."""
    time = clock(note.seconds + 0.8)
    turn = 2 * np.pi * note.hz * time
    sound = np.sin(turn) + 0.22 * np.sin(2 * turn) + 0.06 * np.sin(3 * turn)
    return note.velocity * sound * _gate(time, note.seconds, 0.25, 0.8)
