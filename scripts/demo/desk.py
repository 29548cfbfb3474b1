# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The mixing desk: notes at beats, to two channels with room and echo.

A piece is written in beats and note names; the desk turns these into seconds
and hertz, plays a little loosely around the beat as people do, and always
does so in the same way for the same seed.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.tones import RATE, Note, Samples, Tone, band

LEAD_SECONDS: Final = 0.06
"""Silence before the first beat, so that no fade touches its attack."""

TAIL_SECONDS: Final = 3.5
"""What is left to ring after the last beat, and then faded."""

_STEPS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME: Final = re.compile(r"([A-G])([#b]?)([0-8])")
_STRIKES: Final = {"X": 0.95, "x": 0.7, "o": 0.42}


@dataclass(frozen=True, slots=True)
class Voice:
    """An instrument at its channel of the desk.

    `pan` is from -1, left, to 1, right. `room` and `echo` are what it sends
    to these, as a part of its level. `width_cents` plays it twice, left and
    right, detuned by this much. `loose_ms` is how far it strays in time.
    """

    tone: Tone
    level: float
    pan: float = 0.0
    room: float = 0.2
    echo: float = 0.0
    width_cents: float = 0.0
    loose_ms: float = 4.0


@dataclass(frozen=True, slots=True)
class Feel:
    """How a piece goes: tempo, length, swing, and the room it is in.

    `swing` is where the second of two notes falls, 0.5 is straight;
    `pair_beats` is how long such two are: 1 for eighths, 0.5 for sixteenths.
    `mono` sends the same to both sides.
    """

    tempo: float
    beats: float
    seed: int
    swing: float = 0.5
    pair_beats: float = 1.0
    room_seconds: float = 1.3
    echo_beats: float = 0.75
    mono: bool = False


def hertz(name: str) -> float:
    """Return the frequency of a note by name: `A4` is 440.

    Raises ValueError for what is no note.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a note like 'F#4'")
    letter, sign, octave = match.groups()
    step = _STEPS[letter] + {"": 0, "#": 1, "b": -1}[sign]
    result: float = 440 * 2 ** ((step - 9) / 12 + int(octave) - 4)
    return result


class Desk:
    """Takes notes while a piece is played; then mixes them down."""

    def __init__(self, feel: Feel) -> None:
        self.feel = feel
        self._rng = np.random.default_rng(feel.seed)
        seconds = LEAD_SECONDS + feel.beats * 60 / feel.tempo + TAIL_SECONDS
        self._length = round(seconds * RATE)
        self._dry = np.zeros((self._length, 2))
        self._room = np.zeros((self._length, 2))
        self._echo = np.zeros((self._length, 2))

    def play(
        self, voice: Voice, beat: float, name: str, beats: float, how: float
    ) -> None:
        """Play one note, `how` hard, or several: `D4+F#4`."""
        seconds = beats * 60 / self.feel.tempo
        for one in name.split("+"):
            self._sound(voice, beat, hertz(one), seconds, how)

    def chord(
        self, voice: Voice, beat: float, names: str, beats: float, how: float
    ) -> None:
        """Play notes as one hand does: not quite at once, upwards."""
        for late, name in enumerate(names.split()):
            at = beat + late * 0.012 * self.feel.tempo / 60
            self.play(voice, at, name, beats, how)

    def line(self, voice: Voice, beat: float, text: str, how: float) -> None:
        """Play a melody of `name/beats`; `-` rests, `|` is for the eye."""
        for word in text.replace("|", " ").split():
            name, _, length = word.partition("/")
            if name != "-":
                lean = how * (1.0 if beat % 1 == 0 else 0.88)
                self.play(voice, beat, name, float(length) * 0.97, lean)
            beat += float(length)

    def strike(
        self, voice: Voice, beat: float, pattern: str, step: float = 0.25
    ) -> None:
        """Hit a drum on a grid: `X` hard, `x` normal, `o` soft, `.` not."""
        for place, sign in enumerate(pattern.replace(" ", "")):
            if sign != ".":
                at = beat + place * step
                self._sound(voice, at, 0.0, 0.0, _STRIKES[sign])

    def mixdown(self) -> Samples:
        """Return the whole piece, before mastering: (samples, 2)."""
        echo = self._repeat()
        mix = self._dry + echo + self._reverberate(self._room + 0.4 * echo)
        if self.feel.mono:
            mix[:] = mix.mean(axis=1, keepdims=True)
        return mix

    def _sound(
        self, voice: Voice, beat: float, hz: float, seconds: float, how: float
    ) -> None:
        loose = self._rng.normal(0, voice.loose_ms / 1000)
        start = self._seconds(beat) + float(np.clip(loose, -0.02, 0.02))
        velocity = float(np.clip(how * self._rng.normal(1, 0.05), 0.05, 1))
        if not voice.width_cents:
            note = Note(hz, seconds, velocity, self._rng)
            self._place(voice, start, voice.tone(note), voice.pan)
            return
        for side in (-1, 1):
            bent = hz * 2 ** (side * voice.width_cents / 1200)
            note = Note(bent, seconds, velocity, self._rng)
            self._place(voice, start, voice.tone(note), 0.75 * side)

    def _seconds(self, beat: float) -> float:
        pair, swing = self.feel.pair_beats, self.feel.swing
        whole, part = divmod(beat / pair, 1)
        if part < 0.5:
            part = part * 2 * swing
        else:
            part = swing + (part - 0.5) * 2 * (1 - swing)
        return LEAD_SECONDS + (whole + part) * pair * 60 / self.feel.tempo

    def _place(
        self, voice: Voice, start: float, sound: Samples, pan: float
    ) -> None:
        first = round(start * RATE)
        sound = sound[: max(0, self._length - first)] * voice.level
        angle = (pan + 1) * np.pi / 4
        sides = np.outer(sound, (np.cos(angle), np.sin(angle)))
        window = slice(first, first + len(sound))
        self._dry[window] += sides
        self._room[window] += sides * voice.room
        self._echo[window] += sides * voice.echo

    def _repeat(self) -> Samples:
        """Echo: each repeat softer, darker, and on the other side."""
        gap = round(self.feel.echo_beats * 60 / self.feel.tempo * RATE)
        result = np.zeros_like(self._echo)
        source = self._echo
        for turn in range(1, 6):
            source = band(source[:, ::-1], 250, 3800) * 0.55
            late = turn * gap
            if late >= self._length:
                break
            result[late:] += source[: self._length - late]
        return result

    def _reverberate(self, sound: Samples) -> Samples:
        """Convolve with a room made of noise that dies and darkens."""
        seconds = self.feel.room_seconds
        time = np.arange(round(seconds * 1.4 * RATE)) / RATE
        noise = self._rng.standard_normal((len(time), 2))
        bright = band(noise, 250, 6500) * np.exp(-9 * time / seconds)[:, None]
        dark = band(noise, 180, 1900) * np.exp(-5 * time / seconds)[:, None]
        room = (bright + 1.3 * dark) * np.clip(time / 0.02, 0, 1)[:, None]
        room /= np.sqrt((room**2).sum(axis=0))
        late = round(0.018 * RATE)
        size = 1 << (len(sound) + len(room) + late).bit_length()
        product = np.fft.rfft(sound, size, axis=0) * np.fft.rfft(
            np.concatenate([np.zeros((late, 2)), room]), size, axis=0
        )
        result: Samples = np.fft.irfft(product, size, axis=0)[: len(sound)]
        return result
