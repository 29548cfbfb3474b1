# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lost Property: six pieces for people who are waiting for something."""

from demo import drums, tones
from demo.desk import Desk, Feel, Voice

KEYS = Voice(tones.electric_piano, 0.15, room=0.25, width_cents=3)
BASS = Voice(tones.bass, 0.27, room=0.04, loose_ms=3)
KICK = Voice(drums.kick, 0.5, room=0.03, loose_ms=2)
RIM = Voice(drums.rim, 0.4, pan=-0.2, room=0.35)
BRUSH = Voice(drums.brush, 0.45, pan=0.1, room=0.25)
HAT = Voice(drums.hat, 0.24, pan=0.35, room=0.1)
SHAKER = Voice(drums.shaker, 0.26, pan=-0.4, room=0.15)
PAD = Voice(tones.pad, 0.055, room=0.5, width_cents=7)
WHISTLE = Voice(tones.whistle, 0.15, pan=0.08, room=0.45, echo=0.22)
BELLS = Voice(tones.celesta, 0.17, pan=0.3, room=0.5, echo=0.25)
VIBES = Voice(tones.vibraphone, 0.17, pan=-0.25, room=0.4, echo=0.2)
GUITAR = Voice(tones.guitar, 0.26, pan=-0.22, room=0.22)
GUITAR_RIGHT = Voice(tones.guitar, 0.2, pan=0.45, room=0.3, echo=0.15)


def departure() -> Desk:
    """Set off: an announcement, four chords, and good weather."""
    desk = Desk(Feel(tempo=98, beats=84, seed=101, swing=0.54))
    desk.play(BELLS, 0, "A5", 3, 0.8)
    desk.play(BELLS, 1.5, "F#5", 4, 0.75)
    desk.chord(PAD, 0.5, "D3 A3 C#4 E4 F#4", 8, 0.75)
    home = (
        ("D2", "F#3 A3 C#4 E4"),
        ("B1", "F#3 A3 D4 E4"),
        ("G2", "F#3 A3 B3 D4"),
        ("A1", "G3 B3 D4 F#4"),
    )
    away = (
        ("E2", "G3 B3 D4 F#4"),
        ("F#2", "A3 C#4 E4"),
        ("G2", "F#3 A3 B3 D4"),
        ("A2", "G3 A3 D4 E4"),
    )
    bars = home + home + away + home + home[:2]
    for count, (root, hand) in enumerate(bars):
        _departure_bar(desk, 8 + 4 * count, root, hand, count)
    desk.line(
        WHISTLE,
        40,
        "F#5/1.5 E5/.5 D5/1 B4/1 | C#5/1.5 E5/.5 A4/2 |"
        "B4/1 D5/1 F#5/1 A5/1 | G5/1.5 F#5/.5 E5/2",
        0.75,
    )
    desk.line(
        WHISTLE,
        56,
        "A4/.5 C#5/.5 E5/2 F#5/1 | D5/2 E5/.5 D5/.5 B4/1 |"
        "A4/.5 B4/.5 D5/2 F#5/1 | E5/3 -/.5 A4/.5 |"
        "C#5/1 E5/2 F#5/1 | D5/4",
        0.7,
    )
    desk.chord(KEYS, 80, "D2 A2 F#3 A3 C#4 E4", 4.5, 0.7)
    desk.play(BASS, 80, "D2", 4, 0.7)
    desk.play(BELLS, 81, "A5", 3, 0.6)
    desk.play(BELLS, 82.5, "F#5", 3, 0.55)
    return desk


def _departure_bar(
    desk: Desk, at: float, root: str, hand: str, count: int
) -> None:
    desk.chord(KEYS, at, hand, 1.4, 0.7)
    desk.chord(KEYS, at + 1.5, hand, 1.3, 0.5)
    desk.chord(KEYS, at + 3, hand, 0.8, 0.45)
    if count >= 2:
        desk.line(BASS, at, f"{root}/1.5 {root}/1 {root}/.5 {root}/1", 0.75)
        desk.strike(SHAKER, at, "o.x.o.x.o.x.o.x.")
    if count >= 4:
        desk.strike(KICK, at, "X.....o...x.....")
        desk.strike(RIM, at, "....x.......x...")
        desk.strike(HAT, at, "x.o.x.o.x.o.x.oo")
    if count >= 12:
        low, *upper = hand.split()
        order = (low, upper[0], upper[-1], upper[0])
        text = " ".join(f"{_higher(name)}/.5" for name in order * 2)
        desk.line(GUITAR_RIGHT, at, text, 0.55)


def _higher(name: str) -> str:
    return f"{name[:-1]}{int(name[-1]) + 1}"


def hand_luggage() -> Desk:
    """Carry a waltz: nylon strings, a small tune, nothing over 8 kg."""
    desk = Desk(Feel(tempo=140, beats=93, seed=102, room_seconds=1.1))
    steps = (
        "G2 B3 D4 G4",
        "F#2 B3 D4 F#4",
        "E2 B3 D4 G4",
        "D3 B3 E4 G4",
        "C3 B3 E4 G4",
        "B2 B3 D4 G4",
        "A2 C4 E4 G4",
        "D3 C4 D4 F#4",
    )
    for bar, names in enumerate((*steps[4:], *steps, *steps, *steps, *steps)):
        if bar < 29:
            _waltz_bar(desk, 3 * bar, names.split(), light=bar < 4)
    desk.line(
        BELLS,
        12,
        "D5/2 B4/1 | D5/2 E5/1 | G5/3 | E5/2 D5/1 |"
        "B4/1 C5/1 D5/1 | D5/2 B4/1 | C5/1 E5/1 D5/1 | A4/3 |"
        "D5/2 B4/1 | D5/2 F#5/1 | G5/2 A5/1 | B5/2 G5/1 |"
        "E5/1 G5/1 E5/1 | D5/2 B4/1 | C5/1 B4/1 A4/1 | G4/3",
        0.75,
    )
    desk.line(
        WHISTLE,
        60,
        "D5/2 B4/1 | D5/2 F#5/1 | G5/2 A5/1 | B5/2 G5/1 |"
        "E5/1 G5/1 E5/1 | D5/2 B4/1 | C5/1 B4/1 A4/1 | F#4/2 A4/1 | G4/5",
        0.6,
    )
    desk.line(
        VIBES, 60, "B4/6 | B4/3 E5/3 | C5/3 B4/3 | G4/3 C5/3 | B4/5", 0.5
    )
    desk.chord(GUITAR, 87, "G2 D3 B3 D4 G4 B4", 5, 0.75)
    desk.play(BASS, 87, "G2", 4, 0.7)
    return desk


def _waltz_bar(
    desk: Desk, at: float, names: list[str], *, light: bool
) -> None:
    low, one, two, three = names
    figure = f"{two}/.5 {three}/.5 {two}/.5 {one}/.5 {two}/.5"
    desk.play(GUITAR, at, low, 2.8, 0.8)
    desk.line(GUITAR, at + 0.5, figure, 0.6)
    if not light:
        desk.play(BASS, at, low, 1.8, 0.6)
        desk.strike(BRUSH, at, "..o.o.", 0.5)
        desk.strike(SHAKER, at, "xooxoo", 0.5)


def seat_14f() -> Desk:
    """Look out of the window, over the wing, for forty minutes."""
    desk = Desk(
        Feel(tempo=76, beats=56, seed=103, room_seconds=3.2, echo_beats=1.5)
    )
    far = Voice(tones.electric_piano, 0.17, room=0.7, echo=0.55, pan=0.1)
    wide = Voice(tones.pad, 0.075, room=0.7, width_cents=9)
    deep = Voice(tones.sub, 0.15, room=0.05)
    air = Voice(drums.cabin, 0.05, room=0.3)
    desk.play(air, 0, "C4", 57, 0.8)
    views = (
        ("Eb2", "G3 Bb3 D4 F4", "-/1 Bb5/1.5 G5/1.5 F5/4"),
        ("D2", "F3 Bb3 C4 F4", "-/1 D5/1.5 F5/1.5 C6/4"),
        ("C2", "Eb3 G3 Bb3 D4", "-/1 G5/1.5 D5/1.5 Eb5/2 D5/2"),
        ("Ab1", "Eb3 G3 C4 D4", "-/1 C5/1 D5/1 G5/1 Eb5/4"),
        ("Eb2", "G3 Bb3 D4 F4", "-/1 Bb5/1.5 G5/1.5 D6/2 C6/2"),
        ("G1", "F3 Bb3 D4 G4", "-/1 Bb5/1.5 F5/1.5 D5/4"),
        ("Eb2", "G3 Bb3 D4 F4", "-/1 G5/1 F5/1 Bb4/4"),
    )
    for place, (root, hand, tune) in enumerate(views):
        at = 8 * place
        desk.chord(wide, at, hand, 8.2, 0.7)
        desk.play(deep, at, root, 7.4, 0.6)
        desk.line(far, at, tune, 0.55)
        if place in {2, 3, 4, 5}:
            low, one, two, three = hand.split()
            names = (low, two, one, three, two, one, low, one)
            text = " ".join(f"{_higher(name)}/1" for name in names)
            desk.line(VIBES, at + 0.5, text, 0.32)
    return desk


def mild_turbulence() -> Desk:
    """Count to five. Please remain seated while doing so."""
    desk = Desk(Feel(tempo=168, beats=120, seed=104, room_seconds=1.2))
    left = Voice(tones.marimba, 0.3, pan=-0.45, room=0.25)
    right = Voice(tones.marimba, 0.24, pan=0.5, room=0.3, echo=0.12)
    cycle = (
        ("E2", "E4 G4 B4 D5"),
        ("E2", "E4 G4 B4 D5"),
        ("C2", "E4 G4 B4 E5"),
        ("D2", "D4 F#4 A4 E5"),
    )
    for bar in range(23):
        root, names = cycle[bar % 4]
        at = 5.0 * bar
        if bar == 15:  # the mild turbulence
            desk.play(left, at, "E4+B4", 2, 0.9)
            desk.play(BASS, at, root, 2, 0.9)
            desk.strike(KICK, at, "X")
            continue
        _bumpy_bar(desk, (left, right), at, names.split(), bar)
        if bar >= 4:
            desk.line(BASS, at, f"{root}/2.5 {root}/.5 {root}/2", 0.75)
            desk.strike(SHAKER, at, "xoxoxoxoxo", 0.5)
        if bar >= 8:
            desk.strike(KICK, at, "X....ox...", 0.5)
            desk.strike(RIM, at, "....x....o", 0.5)
    tune = "B4/3 D5/2 | E5/3 G5/2 | E5/3 D5/1 B4/1 | A4/3 F#4/2"
    desk.line(WHISTLE, 40, tune, 0.55)
    desk.line(WHISTLE, 80, f"{tune} | B4/3 D5/2 | E5/3 G5/2 | E5/5", 0.6)
    desk.chord(KEYS, 115, "E2 B2 G3 B3 D4 F#4", 5, 0.6)
    desk.play(left, 115, "E4+B4", 2, 0.8)
    desk.strike(KICK, 115, "x")
    return desk


def _bumpy_bar(
    desk: Desk,
    hands: tuple[Voice, Voice],
    at: float,
    names: list[str],
    bar: int,
) -> None:
    left, right = hands
    for eighth, place in enumerate((0, 2, 3, 2, 1, 2, 0, 2, 1, 2)):
        how = 0.8 if eighth in {0, 6} else 0.5
        desk.play(left, at + eighth / 2, names[place], 1, how)
    if bar >= 2:
        for eighth, place in ((1, 3), (3, 2), (4, 3), (7, 1), (8, 3)):
            name = _higher(names[place])
            desk.play(right, at + eighth / 2, name, 1, 0.5)
    if bar >= 8:
        desk.chord(KEYS, at, " ".join(names[:3]), 2.6, 0.4)
        desk.chord(KEYS, at + 3, " ".join(names[1:]), 1.6, 0.35)


def nothing_to_declare() -> Desk:
    """Say it with one electric piano, in the green channel, at night."""
    desk = Desk(Feel(tempo=70, beats=36, seed=105, room_seconds=1.6))
    keys = Voice(tones.electric_piano, 0.2, room=0.3, loose_ms=9)
    tune = Voice(tones.electric_piano, 0.3, room=0.35, loose_ms=9)
    hands = (
        "F2 C3 A3 C4 E4",
        "E2 B2 G3 B3 D4",
        "D2 A2 F3 A3 C4",
        "G2 D3 F3 A3 C4",
        "C2 G2 E3 B3 D4",
        "A2 G3 B3 C#4",
        "D2 A2 F3 A3 C4",
        "G2 F3 A3 B3",
        "C2 G2 E3 B3 D4",
    )
    for bar, names in enumerate(hands):
        low, *rest = names.split()
        desk.play(keys, 4 * bar, low, 3.8, 0.6)
        for late, name in enumerate(rest):
            desk.play(keys, 4 * bar + 0.5 + late * 0.25, name, 3.2, 0.42)
    desk.line(
        tune,
        0,
        "E5/1.5 D5/.5 C5/1 G4/1 | B4/3 G4/1 |"
        "A4/.5 C5/.5 E5/1 D5/1 C5/1 | D5/3 -/1 |"
        "G5/1.5 E5/.5 D5/1 B4/1 | C#5/1 E5/1 A4/2 |"
        "F5/1.5 E5/.5 D5/1 A4/1 | B4/1.5 A4/.5 G4/2 | E5/4",
        0.6,
    )
    return desk


def baggage_reclaim() -> Desk:
    """Watch it go round: four bars, and the same suitcase again."""
    feel = Feel(tempo=84, beats=64, seed=106, swing=0.59, pair_beats=0.5)
    desk = Desk(feel)
    belt = (
        ("F2", "Ab3 C4 Eb4 G4"),
        ("Bb1", "Ab3 C4 D4 G4"),
        ("Eb2", "G3 Bb3 D4 F4"),
        ("C2", "G3 Bb3 Eb4 F4"),
    )
    for bar in range(15):
        root, hand = belt[bar % 4]
        at = 4.0 * bar
        desk.chord(KEYS, at, hand, 2.2, 0.65)
        desk.chord(KEYS, at + 2.5, hand, 1.2, 0.5)
        desk.chord(PAD, at, hand, 4, 0.4)
        if bar >= 2:
            groove = f"{root}/1.5 -/1 {root}/.5 {root}/.75 {root}/.25"
            desk.line(BASS, at, groove, 0.8)
        if bar >= 4:
            fill = bar % 4 == 3
            desk.strike(KICK, at, "X......x..x.....")
            desk.strike(
                BRUSH, at, "....X..o....X.oo" if fill else "....X.......X..."
            )
            desk.strike(HAT, at, "x.o.x.oox.o.x.o.")
    tune = (
        "-/1 C5/.75 Eb5/.75 G5/1.5 | F5/.75 D5/.75 C5/1 -/1.5 |"
        "-/1 Bb4/.75 D5/.75 F5/1.5 | G5/1.5 Eb5/.5 C5/2"
    )
    desk.line(VIBES, 16, tune, 0.75)
    desk.line(WHISTLE, 32, tune, 0.6)
    desk.line(VIBES, 32, "-/3 Ab4/1 | -/3 G4/1 | -/3 Bb4/1 | -/3 G4/1", 0.5)
    desk.line(VIBES, 48, tune.rpartition("|")[0], 0.75)
    desk.chord(KEYS, 60, "F2 C3 Ab3 C4 Eb4 G4", 4.5, 0.65)
    desk.play(BASS, 60, "F2", 4, 0.7)
    return desk
