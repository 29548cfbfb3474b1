# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Body: slices of any chunks equal slices of the bytes."""

from hypothesis import given
from hypothesis import strategies as st

from msrv.downloads.body import Body, Chunk, FileSlice
from msrv.downloads.ranges import ByteRange
from tests.downloads.contents import joined, known, noise
from tests.processor_time import least_seconds, work_unit_seconds

FILES = {path: noise(50, path) for path in ("a", "b", "c")}

pieces = st.lists(
    st.binary(max_size=8)
    | st.builds(
        lambda path, start, size: FileSlice(
            known(FILES[path], path), start, start + size
        ),
        st.sampled_from(sorted(FILES)),
        st.integers(0, 25),
        st.integers(0, 25),
    ),
    max_size=12,
)


@given(pieces, st.data())
def test_slice_equals_a_slice_of_the_bytes(
    made_of: list[Chunk], data: st.DataObject
) -> None:
    body = Body(made_of)
    whole = b"".join(
        FILES[piece.content.path][piece.start : piece.stop]
        if isinstance(piece, FileSlice)
        else piece
        for piece in made_of
    )
    assert body.size_bytes == len(whole)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    assert joined(body, ByteRange(start, stop), FILES) == whole[start:stop]


def test_slice_is_found_by_bisection() -> None:
    body = Body([b"x"] * 200_000)
    last = ByteRange(body.size_bytes - 1, body.size_bytes)
    assert list(body.slice(last)) == [b"x"]
    # Looking at each of the pieces takes twenty times as long.
    assert least_seconds(lambda: list(body.slice(last))) < work_unit_seconds()
