# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The keys `listen` and `clip`."""

import pytest

from msrv.catalog.config.release_config import ItemConfig, parse_release
from msrv.catalog.config.store_config import parse_store
from msrv.catalog.model import Listening, ListeningMode, Shop
from msrv.toml_file import InvalidConfig


def parse(text: str) -> tuple[Listening, Listening]:
    """Return what can be listened to of the track `a`, and of another."""
    found = parse_release("release.toml", text, Shop())
    usual = ListeningMode.CLIP
    return (
        found.listening(usual, found.items.get("a", ItemConfig())),
        found.listening(usual, ItemConfig()),
    )


def test_track_states_it_before_its_release_and_the_store() -> None:
    own, other = parse(
        'listen = "full"\nclip = "0:10-0:40"\n'
        '[items.a]\nlisten = "none"\nclip = "1:00-1:30"\n'
    )
    assert own == Listening(ListeningMode.NONE, (60, 90))
    assert other == Listening(ListeningMode.FULL, (10, 40))
    assert parse("") == (Listening(), Listening())
    store = parse_store("store.toml", 'listen = "none"\n')
    assert store.listen is ListeningMode.NONE


@pytest.mark.parametrize(
    "text",
    [
        'listen = "all"',
        "listen = true",
        'listen = ""',
        'clip = "0:45"',
        'clip = "0:45-0:45"',
        'clip = "0:45-0:30"',
        'clip = "0:00-2:01"',
        'clip = "0:60-1:20"',
        'clip = "1:2-1:30"',
        "clip = 45",
        'clip = "-1:00-0:10"',
    ],
)
def test_other_values_are_refused_with_their_line(text: str) -> None:
    with pytest.raises(InvalidConfig) as error:
        parse_release("release.toml", f'title = "A"\n{text}\n', Shop())
    (problem,) = error.value.problems
    assert problem.line == 2
    assert text.partition(" ")[0] in problem.what
