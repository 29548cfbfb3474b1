# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The drums: hits that have no pitch, as tones like any other.

They take a note's velocity and its noise, and ignore its pitch and length.
"""

import numpy as np

from demo.tones import RATE, Note, Samples, band, clock


def kick(note: Note) -> Samples:
    """Drop from a knock to a low hum, felt on the beater."""
    time = clock(0.5)
    hz = 47 + 95 * np.exp(-time / 0.028)
    turn = 2 * np.pi * np.cumsum(hz) / RATE
    return note.velocity * np.sin(turn) * _fall(time, 0.13, 0.002)


def brush(note: Note) -> Samples:
    """Play a snare with brushes, or a box of gravel of good family."""
    time = clock(0.4)
    wires = band(note.rng.standard_normal(len(time)), 900, 5500)
    skin = np.sin(2 * np.pi * 188 * time) * np.exp(-time / 0.05)
    sound = 0.5 * wires * np.exp(-time / 0.085) + 0.5 * skin
    return note.velocity * sound * _fall(time, 0.5, 0.002)


def rim(note: Note) -> Samples:
    """Tap wood with wood."""
    time = clock(0.2)
    sound = 0.6 * np.sin(2 * np.pi * 1650 * time) * np.exp(-time / 0.012)
    sound += 0.5 * np.sin(2 * np.pi * 455 * time) * np.exp(-time / 0.022)
    return note.velocity * sound * _fall(time, 0.1, 0.001)


def hat(note: Note) -> Samples:
    """Close two small cymbals."""
    time = clock(0.15)
    noise = band(note.rng.standard_normal(len(time)), 6500, 11_000)
    return note.velocity * noise * _fall(time, 0.012 + 0.02 * note.velocity)


def open_hat(note: Note) -> Samples:
    """Leave them open for a moment."""
    time = clock(0.5)
    noise = band(note.rng.standard_normal(len(time)), 6000, 10_500)
    return note.velocity * noise * _fall(time, 0.13)


def shaker(note: Note) -> Samples:
    """Move rice from one end to the other."""
    time = clock(0.2)
    noise = band(note.rng.standard_normal(len(time)), 3500, 9000)
    return note.velocity * noise * _fall(time, 0.035, 0.028)


def cabin(note: Note) -> Samples:
    """Sit near the wing: a rush that comes, stays and goes."""
    time = clock(note.seconds)
    noise = band(note.rng.standard_normal(len(time)), 70, 420)
    swell = 1 + 0.25 * np.sin(2 * np.pi * 0.11 * time)
    edge = np.clip(np.minimum(time, note.seconds - time) / 4, 0, 1)
    shape: Samples = swell * np.sin(edge * np.pi / 2) ** 2
    return note.velocity * noise * shape


def _fall(time: Samples, decay: float, attack: float = 0.001) -> Samples:
    """Rise at once, decay to 1/e in `decay` seconds, end at nothing."""
    end: Samples = np.clip((time[-1] - time) / 0.02, 0, 1)
    return end * np.clip(time / attack, 0, 1) * np.exp(-time / decay)
