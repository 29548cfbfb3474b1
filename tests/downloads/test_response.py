# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Response plans: status, headers and byte ranges."""

import base64
import email.parser
import email.policy
import hashlib
import re
from email.message import EmailMessage
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from msrv.downloads.body import Body
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Representation
from msrv.downloads.response import ResponsePlan, plan_response
from tests.downloads.contents import NOW, joined, known, noise
from tests.processor_time import least_seconds, work_unit_seconds

DATA = base64.b64encode(noise(3000))
SIZE = len(DATA)
CONTENT = known(DATA)
THING = Representation.of_file(CONTENT, "Größe.flac")
ETAG = f'"{hashlib.sha256(DATA).hexdigest()}"'
PRIVATE = "private, no-store"


class RequestPlanner:
    """Plans the response to one request, with fields by name (`_` for `-`)."""

    def __init__(self, method: str, thing: Representation) -> None:
        self.method = method
        self.thing = thing

    def __call__(self, **fields: str) -> ResponsePlan:
        headers = CIMultiDict(
            {name.replace("_", "-"): value for name, value in fields.items()}
        )
        return plan_response(
            self.method,
            headers,
            self.thing,
            now_seconds=NOW,
            cache_control=PRIVATE,
        )


ask = RequestPlanner("GET", THING)
head = RequestPlanner("HEAD", THING)


def sent(answer: ResponsePlan, data: bytes = DATA) -> bytes:
    content = known(data)
    body = Body.of_file(content)
    return b"".join(
        joined(body, part, {content.path: data})
        if isinstance(part, ByteRange)
        else part
        for part in answer.parts
    )


def test_whole_response_has_all_headers() -> None:
    answer = ask()
    assert answer.status == 200
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.headers == {
        "Accept-Ranges": "bytes",
        "Cache-Control": PRIVATE,
        "Content-Disposition": (
            'attachment; filename="Grosse.flac"; '
            "filename*=UTF-8''Gr%C3%B6%C3%9Fe.flac"
        ),
        "Content-Length": str(SIZE),
        "Content-Type": "audio/flac",
        "ETag": ETAG,
        "Last-Modified": "Fri, 15 Jan 2027 08:00:00 GMT",
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    assert sent(answer) == DATA


def test_single_range_is_206_without_multipart() -> None:
    answer = ask(Range="bytes=10-19")
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes 10-19/{SIZE}"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["Content-Type"] == "audio/flac"
    assert answer.headers["ETag"] == ETAG
    assert answer.headers["Cache-Control"] == PRIVATE
    assert sent(answer) == DATA[10:20]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        # RFC 9110, section 13.2.2, step 5
        ({"Range": "bytes=0-1", "If_Range": ETAG}, 206),
        ({"Range": "bytes=0-1", "If_Range": f"W/{ETAG}"}, 200),
        ({"Range": "bytes=0-1", "If_Range": '"another"'}, 200),
        ({"If_Range": ETAG}, 200),
        # an If-Range that fails makes a 416 impossible, too
        ({"Range": "bytes=9999-", "If_Range": '"another"'}, 200),
        ({"Range": "bytes=9999-", "If_Range": ETAG}, 416),
        ({"Range": "bytes=9999-"}, 416),
        ({"Range": "lines=0-1"}, 200),
        ({"Range": "bytes=1-0"}, 200),
        # section 13.2.2, steps 1 to 4, come before a Range
        ({"Range": "bytes=0-1", "If_None_Match": ETAG}, 304),
        ({"Range": "bytes=9999-", "If_None_Match": ETAG}, 304),
        ({"Range": "bytes=0-1", "If_Match": '"another"'}, 412),
        ({"Range": "bytes=9999-", "If_Match": '"another"'}, 412),
        ({"Range": "bytes=0-1", "If_Match": ETAG}, 206),
    ],
)
def test_if_range_is_evaluated_before_the_range(
    fields: dict[str, str], status: int
) -> None:
    answer = ask(**fields)
    assert answer.status == status
    if status == 200:
        assert sent(answer) == DATA
        assert "Content-Range" not in answer.headers


def test_unsatisfiable_range_is_416_with_the_size() -> None:
    answer = ask(Range=f"bytes={SIZE}-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.headers["Content-Length"] == "0"
    assert answer.parts == ()


def test_not_modified_has_only_the_validator() -> None:
    """RFC 9110, section 15.4.5."""
    answer = ask(If_None_Match=ETAG)
    assert answer.headers == {"Cache-Control": PRIVATE, "ETag": ETAG}
    assert answer.parts == ()


@pytest.mark.parametrize(
    "fields",
    [{}, {"If_None_Match": ETAG}, {"If_Match": '"x"'}],
)
def test_head_has_the_headers_of_a_get(fields: dict[str, str]) -> None:
    whole, described = ask(**fields), head(**fields)
    assert whole.status == described.status
    assert whole.headers == described.headers


def test_head_ignores_ranges() -> None:
    """RFC 9110, section 14.2."""
    assert head(Range="bytes=0-1") == head()


def parts_of(answer: ResponsePlan) -> list[tuple[str, str, bytes]]:
    """Parse a multipart body with the standard library."""
    kind = answer.headers["Content-Type"]
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + sent(answer)
    )
    assert isinstance(message, EmailMessage)
    assert not message.defects
    found = []
    for part in message.iter_parts():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        found.append((part["Content-Type"], part["Content-Range"], payload))
    return found


def test_several_ranges_are_multipart() -> None:
    answer = ask(Range="bytes=0-9,100-119,-5")
    assert answer.status == 206
    assert re.fullmatch(
        r"multipart/byteranges; boundary=[a-z0-9-]{1,70}",
        answer.headers["Content-Type"],
    )
    assert "Content-Range" not in answer.headers
    assert answer.headers["Content-Length"] == str(len(sent(answer)))
    assert parts_of(answer) == [
        ("audio/flac", f"bytes 0-9/{SIZE}", DATA[:10]),
        ("audio/flac", f"bytes 100-119/{SIZE}", DATA[100:120]),
        ("audio/flac", f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}", DATA[-5:]),
    ]


def test_only_satisfiable_range_of_several_is_sent_without_multipart() -> None:
    answer = ask(Range=f"bytes=5-6,{SIZE}-")
    assert answer.headers["Content-Range"] == f"bytes 5-6/{SIZE}"
    assert sent(answer) == DATA[5:7]


def test_boundary_is_the_same_on_each_replica() -> None:
    assert ask(Range="bytes=0-1,4-5") == ask(Range="bytes=0-1,4-5")


@given(st.lists(st.integers(0, SIZE), min_size=2, max_size=14))
def test_any_ranges_are_at_most_as_large_as_the_file(cuts: list[int]) -> None:
    cuts.sort()
    field = ",".join(
        f"{first}-{last}"
        for first, last in zip(cuts[::2], cuts[1::2], strict=False)
    )
    answer = ask(Range=f"bytes={field}")
    assert answer.size_bytes <= SIZE
    assert len(sent(answer)) == answer.size_bytes
    assert answer.size_bytes == int(answer.headers["Content-Length"])


def test_framing_larger_than_the_file_is_a_200() -> None:
    thing = Representation.of_file(known(b"x" * 200))
    few = RequestPlanner("GET", thing)(Range="bytes=0-0,2-2")
    assert few == RequestPlanner("GET", thing)()
    thing = Representation.of_file(known(b"x" * 1000))
    assert RequestPlanner("GET", thing)(Range="bytes=0-0,2-2").status == 206


def test_ten_thousand_ranges_are_a_200() -> None:
    field = ",".join(f"{n}-{n}" for n in range(10_000))
    assert ask(Range=f"bytes={field}") == ask()
    taken = least_seconds(lambda: ask(Range=f"bytes={field}"))
    assert taken < 3 * work_unit_seconds()


def test_last_modified_is_never_in_the_future() -> None:
    """RFC 9110, section 8.8.2.1."""
    thing = Representation(5, '"x"', NOW + 10**6, "text/plain")
    answer = RequestPlanner("GET", thing)()
    assert answer.headers["Last-Modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"


def test_empty_file_is_a_200() -> None:
    thing = Representation.of_file(known(b""))
    for range_ in ({}, {"Range": "bytes=-1"}):
        answer = RequestPlanner("GET", thing)(**range_)
        assert (answer.status, answer.parts) == (200, ())
        assert answer.headers["Content-Length"] == "0"
    answer = RequestPlanner("GET", thing)(Range="bytes=0-")
    assert answer.headers["Content-Range"] == "bytes */0"


@pytest.mark.parametrize(
    ("sent_bytes", "expected"), [(0, []), (7, [(10, 17)]), (10, [(10, 20)])]
)
def test_ranges_sent_are_offsets_of_the_file(
    sent_bytes: int, expected: list[tuple[int, int]]
) -> None:
    answer = ask(Range="bytes=10-19")
    assert [tuple(each) for each in answer.ranges_sent(sent_bytes)] == expected


def test_ranges_sent_exclude_multipart_framing() -> None:
    answer = ask(Range="bytes=0-9,100-119")
    first, wanted, second, *_ = answer.parts
    assert isinstance(first, bytes)
    assert isinstance(wanted, ByteRange)
    assert isinstance(second, bytes)
    until = len(first) + 10 + len(second) + 3
    assert list(answer.ranges_sent(until)) == [(0, 10), (100, 103)]
    assert list(answer.ranges_sent(len(first))) == []


@given(
    st.binary(min_size=1, max_size=400),
    st.lists(st.integers(0, 400), max_size=12),
    st.randoms(),
)
def test_ranges_in_any_order_join_to_the_file(
    data: bytes, cuts: list[int], random: Random
) -> None:
    thing = Representation.of_file(known(data))
    bounds = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    spans = list(pairwise(bounds))
    random.shuffle(spans)
    result = bytearray(len(data))
    for start, stop in spans:
        answer = RequestPlanner("GET", thing)(
            Range=f"bytes={start}-{stop - 1}"
        )
        assert answer.headers["Content-Range"] == (
            f"bytes {start}-{stop - 1}/{len(data)}"
        )
        result[start:stop] = sent(answer, data)
    assert hashlib.sha256(result).digest() == thing.sha256
