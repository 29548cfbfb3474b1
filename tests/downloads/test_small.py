"""Small files are read once for many buyers, and never for long."""

from pathlib import Path

import pytest

from msrv.downloads import small as small_room
from msrv.downloads.body import Stretch
from msrv.downloads.small import FRESH_SECONDS, SMALL_BYTES, SmallFiles
from msrv.storage.model import Changed, Gone
from tests.downloads.made import noise, put
from tests.downloads.shop import Watched


class Clock:
    """A clock that a test sets, in seconds."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def storage(tmp_path: Path) -> Watched:
    """A library that counts what is opened."""
    return Watched(tmp_path)


@pytest.fixture
def files(storage: Watched, clock: Clock) -> SmallFiles:
    """What is tested."""
    return SmallFiles(storage, clock)


async def test_it_is_read_once_in_a_while(
    files: SmallFiles, storage: Watched, clock: Clock, tmp_path: Path
) -> None:
    """A thousand buyers of a small file wait for a thousand threads."""
    data = noise(200)
    content = put(tmp_path, "a", data)
    whole, part = Stretch(content, 0, 200), Stretch(content, 50, 60)
    assert await files.read([whole]) == data
    assert await files.read([part]) == data[50:60]
    clock.now += FRESH_SECONDS / 2
    assert await files.read([whole]) == data
    assert len(storage.opened) == 1
    clock.now += FRESH_SECONDS / 2
    assert await files.read([whole]) == data
    assert len(storage.opened) == 2


async def test_what_is_gone_is_noticed(
    files: SmallFiles, clock: Clock, tmp_path: Path
) -> None:
    """A file that is no longer there is sold for ever."""
    data = noise(200)
    whole = [Stretch(put(tmp_path, "a", data), 0, 200)]
    assert await files.read(whole) == data
    (tmp_path / "a").unlink()
    clock.now += FRESH_SECONDS
    with pytest.raises(Gone):
        await files.read(whole)
    put(tmp_path, "a", noise(199, "new"))
    with pytest.raises(Changed):
        await files.read(whole)


async def test_a_new_version_is_another_file(
    files: SmallFiles, tmp_path: Path
) -> None:
    """A buyer gets the old bytes under the new checksum."""
    old = put(tmp_path, "a", noise(200))
    assert await files.read([Stretch(old, 0, 200)]) == noise(200)
    new = put(tmp_path, "a", noise(300, "new"))
    assert await files.read([Stretch(new, 0, 300)]) == noise(300, "new")


async def test_memory_has_a_bound(
    files: SmallFiles,
    storage: Watched,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A library of ten thousand small files is held in memory."""
    monkeypatch.setattr(small_room, "KEPT_BYTES", 1000)
    contents = [put(tmp_path, f"{n}", noise(400, f"{n}")) for n in range(4)]
    for content in contents:
        await files.read([Stretch(content, 0, 400)])
    assert files._kept_bytes == sum(
        len(data) for _, data in files._kept.values()
    )
    assert files._kept_bytes <= 1000
    await files.read([Stretch(contents[3], 0, 400)])
    assert len(storage.opened) == 4
    await files.read([Stretch(contents[0], 0, 400)])
    assert len(storage.opened) == 5


async def test_a_bit_of_a_large_file_is_not_kept(
    files: SmallFiles, tmp_path: Path
) -> None:
    """A few ranges of a film fill the memory."""
    data = noise(SMALL_BYTES + 1)
    content = put(tmp_path, "a", data)
    assert await files.read([Stretch(content, 5, 10)]) == data[5:10]
    assert (
        await files.read(
            [b"<", Stretch(content, 0, 3), b">", Stretch(content, 7, 9)]
        )
        == b"<" + data[:3] + b">" + data[7:9]
    )
    assert not files._kept
