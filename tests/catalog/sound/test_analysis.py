# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Analyses in a folder: whole, bounded, and found without being read."""

from pathlib import Path

import pytest

from msrv.catalog.sound.analysis import AnalysisStore, SoundAnalysis
from msrv.catalog.sound.loudness import Loudness
from msrv.catalog.sound.waveform import PEAKS

MASTER = "5" * 64
FOUND = SoundAnalysis(Loudness(-9.5, -0.25), bytes([100] * PEAKS))


@pytest.fixture
def store(tmp_path: Path) -> AnalysisStore:
    return AnalysisStore(tmp_path / "encodings" / "waveforms")


@pytest.mark.parametrize(
    "analysis",
    [
        FOUND,
        SoundAnalysis(None, b""),
        SoundAnalysis(None, bytes(PEAKS)),
        SoundAnalysis(None, b"", 61.25, skips_errors=True),
    ],
)
def test_analysis_is_the_same_as_json(analysis: SoundAnalysis) -> None:
    assert SoundAnalysis.from_json(analysis.to_json()) == analysis


def test_analysis_of_before_has_no_length() -> None:
    data = b'{"integrated_lufs":null,"true_peak_db":null,"peaks":[]}'
    assert SoundAnalysis.from_json(data) == SoundAnalysis(None, b"")


def test_saved_analysis_is_found_by_another_store(
    store: AnalysisStore,
) -> None:
    store.load()
    assert store.find(MASTER) is None
    assert store.read(MASTER) is None
    store.save(MASTER, "7.1", FOUND)
    other = AnalysisStore(store.folder)
    other.load()
    version = other.find(MASTER)
    assert version == store.find(MASTER)
    assert version is not None
    assert len(version) == 16
    assert other.read(MASTER) == FOUND


def test_encodings_use_only_their_own_ffmpegs_analysis(
    store: AnalysisStore,
) -> None:
    store.save(MASTER, "7.0", FOUND)
    other = AnalysisStore(store.folder)
    assert other.read_exact(MASTER, "7.1") is None
    assert other.read_exact(MASTER, "7.0") == FOUND
    assert other.find(MASTER) == store.find(MASTER)


def test_revision_increases_only_when_the_waveform_changes(
    store: AnalysisStore,
) -> None:
    """Pages that were rendered are dropped at each revision."""
    store.save(MASTER, "7.1", FOUND)
    store.load()
    revision = store.revision
    assert store.read_exact(MASTER, "7.1") == FOUND
    store.save(MASTER, "7.1", FOUND)
    assert store.revision == revision
    store.save(MASTER, "7.1", SoundAnalysis(None, b""))
    assert store.revision == revision + 1
    other = AnalysisStore(store.folder)
    assert other.read_exact(MASTER, "7.1") is not None
    assert (other.revision, other.find(MASTER) is None) == (1, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        FOUND.to_json()[:-9],
        FOUND.to_json().replace(b"100,100", b"100,101"),
        FOUND.to_json().replace(b"100,100", b"100,900"),
        FOUND.to_json().replace(b"100,100", b"100", 1),
        b'{"integrated_lufs":"x","true_peak_db":1,"peaks":[]}',
        b'{"integrated_lufs":null,"true_peak_db":null,"peaks":9999999999}',
        b'{"integrated_lufs":null,"true_peak_db":0,"peaks":[],"seconds":-1}',
        b'{"integrated_lufs":null,"true_peak_db":0,"peaks":[],"seconds":[]}',
    ],
)
def test_damaged_analysis_is_none(store: AnalysisStore, data: bytes) -> None:
    store.save(MASTER, "7.1", FOUND)
    (path,) = store.folder.iterdir()
    path.write_bytes(data)
    assert store.read(MASTER) is None
    assert store.read_exact(MASTER, "7.1") is None


def test_analyses_of_other_masters_are_deleted(store: AnalysisStore) -> None:
    store.tidy({MASTER})
    store.save(MASTER, "7.1", FOUND)
    store.save("6" * 64, "7.1", FOUND)
    other = store.folder / "notes.txt"
    other.write_text("kept")
    store.tidy({MASTER})
    assert len(list(store.folder.iterdir())) == 2
    assert store.find(MASTER)
    assert store.find("6" * 64) is None
    assert other.exists()
