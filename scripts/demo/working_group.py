# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The Working Group: four items, taken in the order of the agenda."""

from demo import drums, tones
from demo.desk import Desk, Feel, Voice

BASS = Voice(tones.bass, 0.25, room=0.03, loose_ms=2)
KICK = Voice(drums.kick, 0.44, room=0.02, loose_ms=1)
BRUSH = Voice(drums.brush, 0.45, pan=-0.08, room=0.2, loose_ms=2)
RIM = Voice(drums.rim, 0.38, pan=0.25, room=0.3, loose_ms=3)
HAT = Voice(drums.hat, 0.2, pan=-0.35, room=0.08, loose_ms=2)
OPEN = Voice(drums.open_hat, 0.16, pan=-0.35, room=0.15)
SHAKER = Voice(drums.shaker, 0.26, pan=0.45, room=0.12)
ORGAN = Voice(tones.organ, 0.055, pan=0.15, room=0.3, width_cents=2)
PAD = Voice(tones.pad, 0.06, room=0.5, width_cents=8)
VIBES = Voice(tones.vibraphone, 0.2, pan=0.22, room=0.4, echo=0.22)
WHISTLE = Voice(tones.whistle, 0.15, pan=-0.1, room=0.45, echo=0.18)
GUITAR = Voice(tones.guitar, 0.24, pan=-0.3, room=0.2)


def apologies_for_absence() -> Desk:
    """Begin without the others. They come in as their trains do."""
    feel = Feel(tempo=112, beats=84, seed=201, swing=0.56)
    desk = Desk(feel)
    items = (
        ("A1", "G3 B3 C4 E4"),
        ("D2", "F#3 A3 C4 E4"),
        ("F2", "E3 A3 C4 G4"),
        ("E2", "D3 G3 B3 F#4"),
    )
    desk.strike(RIM, 0, "x...x...x...x...")
    for bar in range(1, 20):
        root, hand = items[(bar - 1) % 4]
        at = 4.0 * bar
        desk.strike(HAT, at, "x.o.x.o.x.o.x.o.")
        desk.strike(KICK, at, "X.....x.........")
        desk.strike(BRUSH, at, "........X......o")
        if bar >= 3:
            groove = f"{root}/1 -/.5 {root}/.5 -/.5 {root}/.5 {root}/1"
            desk.line(BASS, at, groove, 0.78)
        if bar >= 7:
            desk.chord(ORGAN, at + 0.5, hand, 0.35, 0.6)
            desk.chord(ORGAN, at + 1.5, hand, 1.9, 0.55)
        if bar >= 13:
            desk.chord(PAD, at, hand, 4, 0.45)
    desk.line(
        VIBES,
        48,
        "-/3 E5/.5 G5/.5 | B5/1.5 A5/.5 G5/1 E5/1 |"
        "F#5/2 A5/1 E5/1 | G5/1.5 E5/.5 C5/2 | B4/3 E5/.5 G5/.5 |"
        "B5/1.5 A5/.5 C6/1 B5/1 | A5/1.5 F#5/.5 E5/2 |"
        "G5/.5 A5/.5 G5/1 E5/2",
        0.75,
    )
    desk.chord(ORGAN, 80, "A2 G3 B3 C4 E4", 2.5, 0.5)
    desk.play(BASS, 80, "A1", 3, 0.75)
    desk.play(VIBES, 80, "E5+B5", 4, 0.6)
    desk.strike(KICK, 80, "x")
    return desk


def matters_arising() -> Desk:
    """Drive straight on; raise one more matter every four bars."""
    desk = Desk(Feel(tempo=144, beats=108, seed=202, room_seconds=1.6))
    count = Voice(
        tones.sequencer, 0.27, pan=-0.4, room=0.15, echo=0.25, loose_ms=1
    )
    answer = Voice(
        tones.sequencer, 0.2, pan=0.45, room=0.2, echo=0.2, loose_ms=1
    )
    roads = (
        ("D2", "D3 A3 D4 E4 F#4 A4", "F#3 A3 D4 E4"),
        ("D2", "D3 A3 D4 E4 F#4 A4", "F#3 A3 D4 E4"),
        ("C2", "C3 G3 D4 E4 G4 A4", "G3 C4 D4 E4"),
        ("G2", "B2 G3 D4 E4 G4 B4", "G3 B3 D4 E4"),
    )
    for bar in range(26):
        root, names, hand = roads[bar // 2 % 4]
        at = 4.0 * bar
        steps = [names.split()[place] for place in (0, 2, 1, 3, 2, 4, 3, 5)]
        text = " ".join(f"{name}/.5" for name in steps)
        desk.line(count, at, text, 0.5 + 0.012 * bar)
        if bar >= 2:
            desk.strike(KICK, at, "X.......X.x.....")
        if bar >= 4:
            desk.strike(BRUSH, at, "....X.......X...")
            desk.strike(HAT, at, "x.o.x.o.x.o.x...")
            desk.strike(OPEN, at, "..............o.")
            desk.line(BASS, at, " ".join([f"{root}/.5"] * 8), 0.7)
        if bar >= 8:
            desk.chord(ORGAN, at, hand, 3.9, 0.5)
        if bar >= 16:
            text = " ".join(f"{name}/.5" for name in reversed(steps))
            desk.line(answer, at, text, 0.55)
            desk.strike(SHAKER, at, "oxoxoxoxoxoxoxox")
    desk.line(
        WHISTLE,
        64,
        "A4/4 | D5/2 E5/2 | F#5/6 E5/2 | E5/4 | G5/2 E5/2 |"
        "D5/6 B4/2 | A4/4 | D5/2 E5/2 | D5/3",
        0.55,
    )
    desk.chord(ORGAN, 104, "D3 F#3 A3 D4 E4", 3, 0.5)
    desk.play(BASS, 104, "D2", 3, 0.8)
    desk.play(count, 104, "D3+D4", 2, 0.7)
    desk.strike(KICK, 104, "X")
    return desk


def any_other_business() -> Desk:
    """Dance a little, sitting down, before the room is needed again."""
    desk = Desk(Feel(tempo=134, beats=92, seed=203, room_seconds=1.2))
    topics = (
        ("A2", "E2", "G#3 C#4 E4"),
        ("A2", "E2", "F#3 B3 C#4"),
        ("B2", "F#2", "A3 D4 F#4"),
        ("E2", "B2", "G#3 D4 F#4"),
        ("C#3", "G#2", "B3 E4 G#4"),
        ("F#2", "C#3", "A#3 E4 G4"),
        ("B2", "F#2", "A3 D4 F#4"),
        ("E2", "B2", "G#3 D4 F#4"),
    )
    order = (*topics[:2], *topics, *topics, *topics[-2:], *topics[-2:])
    for bar, (root, fifth, hand) in enumerate(order):
        at = 4.0 * bar
        for hit in (0, 1.5, 3) if bar % 2 == 0 else (0.5, 2, 3.5):
            desk.chord(GUITAR, at + hit, hand, 1.1, 0.65)
        desk.line(BASS, at, f"{root}/1.5 {root}/.5 {fifth}/1.5 {root}/.5", 0.6)
        desk.strike(SHAKER, at, "xoooxoooxoooxooo")
        if bar >= 2:
            desk.strike(
                RIM,
                at,
                "x.....x.....x..." if bar % 2 == 0 else "....x.....x.....",
            )
            desk.strike(KICK, at, "o.....o.o.....o.")
    desk.line(
        WHISTLE,
        8,
        "E5/1.5 C#5/.5 E5/2 | F#5/.5 E5/.5 C#5/1 G#4/2 |"
        "D5/1.5 B4/.5 D5/2 | F#5/1 E5/.5 D5/.5 B4/2 |"
        "E5/1.5 G#5/.5 B5/1 G#5/1 | G5/1.5 E5/.5 C#5/2 |"
        "D5/1 F#5/1 A5/1 F#5/1 | G#5/3",
        0.65,
    )
    desk.line(
        VIBES,
        40,
        "-/.5 E5/.5 G#5/1 -/.5 E5/1.5 | -/.5 C#5/.5 B4/1 -/.5 G#4/1.5 |"
        "-/.5 F#5/.5 A5/1 -/.5 D5/1.5 | -/.5 B4/.5 D5/1 F#5/2 |"
        "-/.5 G#5/.5 B5/1 -/.5 G#5/1.5 | -/.5 G5/.5 E5/1 C#5/2 |"
        "D5/.5 F#5/.5 A5/1 C#6/1 A5/1 | G#5/1.5 F#5/.5 E5/2 |"
        "D5/1 F#5/1 A5/2 | G#5/1.5 F#5/.5 E5/2 |"
        "D5/1 F#5/1 A5/2 | G#5/2 F#5/2",
        0.65,
    )
    desk.line(
        WHISTLE, 72, "D5/2 F#5/2 | E5/4 | D5/2 F#5/2 | B4/4 | C#5/5", 0.45
    )
    desk.chord(GUITAR, 88, "A2 E3 G#3 C#4 E4 B4", 5, 0.7)
    desk.play(BASS, 88, "A2", 4, 0.6)
    desk.play(VIBES, 88, "E5", 5, 0.6)
    return desk


def date_of_next_meeting() -> Desk:
    """Close, without agreeing on a last chord; in mono, by majority."""
    desk = Desk(
        Feel(tempo=66, beats=32, seed=204, room_seconds=2.0, mono=True)
    )
    choir = Voice(tones.pad, 0.1, room=0.4)
    feet = Voice(tones.sub, 0.17, room=0.05)
    bars = Voice(tones.vibraphone, 0.2, room=0.4)
    votes = (
        ("E2", "G#3 B3 E4", "B4/2 E5/2"),
        ("E2", "A3 C#4 E4", "C#5/3 B4/1"),
        ("C#2", "G#3 B3 E4", "G#4/2 B4/2"),
        ("F#2", "A3 C#4 E4 G#4", "A4/1 C#5/1 E5/2"),
        ("B1", "A3 C#4 E4 F#4", "F#5/2 E5/2"),
        ("A1", "G#3 C#4 E4", "C#5/2 E5/2"),
        ("G#1", "G#3 B3 E4", "B4/3 E5/1"),
        ("B1", "A3 C#4 E4 F#4", "F#5/4"),
    )
    for bar, (root, hand, tune) in enumerate(votes):
        at = 4.0 * bar
        desk.chord(choir, at, hand, 4.1, 0.7)
        desk.play(feet, at, root, 3.6, 0.6)
        desk.line(bars, at, tune, 0.5)
    return desk
