# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time slices: the same result, while other tasks run in between."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from msrv import time_slices
from msrv.time_slices import TimeSlices, dumps

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=25)
    ),
    max_leaves=40,
)


@given(VALUES)
def test_json_is_identical_to_that_of_the_json_module(value: object) -> None:
    assert asyncio.run(dumps(value)) == json.dumps(value)


async def test_other_tasks_run_between_time_slices() -> None:
    between = 0

    async def other() -> None:
        nonlocal between
        while True:
            await asyncio.sleep(0)
            between += 1

    task = asyncio.create_task(other())
    rows = [{"a": number, "b": "x" * 50} for number in range(20_000)]
    assert await dumps({"rows": rows}) == json.dumps({"rows": rows})
    task.cancel()
    assert between >= 3


async def test_short_computation_does_not_yield() -> None:
    slices = TimeSlices()
    slices._started += 60
    other = asyncio.create_task(asyncio.sleep(0))
    assert [each async for each in slices.iterate(range(5))] == list(range(5))
    assert not other.done()
    slices._started -= 60 + 2 * time_slices.SLICE_SECONDS
    await slices.yield_if_due()
    await asyncio.sleep(0)
    assert other.done()
