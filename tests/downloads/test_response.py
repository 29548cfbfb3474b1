"""One request, one answer: status, every header, and which bytes go out."""

import base64
import email.parser
import email.policy
import hashlib
import re
import time
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
from tests.downloads.made import NOW, joined, known, noise

DATA = base64.b64encode(noise(3000))
SIZE = len(DATA)
CONTENT = known(DATA)
THING = Representation.of_file(CONTENT, "Größe.flac")
ETAG = f'"{hashlib.sha256(DATA).hexdigest()}"'
PRIVATE = "private, no-store"


class Ask:
    """Asks for one thing, with fields by name (`_` for `-`)."""

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


ask = Ask("GET", THING)
head = Ask("HEAD", THING)


def sent(answer: ResponsePlan, data: bytes = DATA) -> bytes:
    content = known(data)
    body = Body.of_file(content)
    return b"".join(
        joined(body, part, {content.path: data})
        if isinstance(part, ByteRange)
        else part
        for part in answer.parts
    )


def test_the_whole_is_described_whole() -> None:
    """Else a browser names, types, checks or resumes it wrongly."""
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


def test_one_range_is_sent_as_it_is() -> None:
    """Else a resumed download begins with another byte than it says."""
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
def test_a_condition_comes_before_a_range(
    fields: dict[str, str], status: int
) -> None:
    """Else a file that was replaced is resumed with the new one's bytes."""
    answer = ask(**fields)
    assert answer.status == status
    if status == 200:
        assert sent(answer) == DATA
        assert "Content-Range" not in answer.headers


def test_nothing_there_says_how_much_there_is() -> None:
    """Else a download manager can't find out that it has it all."""
    answer = ask(Range=f"bytes={SIZE}-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.headers["Content-Length"] == "0"
    assert answer.parts == ()


def test_not_modified_carries_the_validator_alone() -> None:
    """Else a cache forgets what it has (RFC 9110, section 15.4.5)."""
    answer = ask(If_None_Match=ETAG)
    assert answer.headers == {"Cache-Control": PRIVATE, "ETag": ETAG}
    assert answer.parts == ()


@pytest.mark.parametrize(
    "fields",
    [{}, {"If_None_Match": ETAG}, {"If_Match": '"x"'}],
)
def test_a_head_says_what_a_get_would(fields: dict[str, str]) -> None:
    """Else a download manager plans for another file than it gets."""
    whole, described = ask(**fields), head(**fields)
    assert whole.status == described.status
    assert whole.headers == described.headers


def test_a_head_knows_no_ranges() -> None:
    """Else a HEAD tells the size of a part (RFC 9110, section 14.2)."""
    assert head(Range="bytes=0-1") == head()


def parts_of(answer: ResponsePlan) -> list[tuple[str, str, bytes]]:
    """Take a multipart answer apart, with a parser of another's making."""
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


def test_several_ranges_are_parts() -> None:
    """Else a PDF reader shows a broken page."""
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


def test_one_satisfiable_range_of_many_is_no_multipart() -> None:
    """Else a client that asked for two gets one in a form it can't read."""
    answer = ask(Range=f"bytes=5-6,{SIZE}-")
    assert answer.headers["Content-Range"] == f"bytes 5-6/{SIZE}"
    assert sent(answer) == DATA[5:7]


def test_a_replica_frames_as_the_other_does() -> None:
    """Else a broken multipart answer can't be compared with its repeat."""
    assert ask(Range="bytes=0-1,4-5") == ask(Range="bytes=0-1,4-5")


@given(st.lists(st.integers(0, SIZE), min_size=2, max_size=14))
def test_no_set_of_ranges_costs_more_than_the_file(cuts: list[int]) -> None:
    """Else one short request makes the store send more than a plain one."""
    cuts.sort()
    field = ",".join(
        f"{first}-{last}"
        for first, last in zip(cuts[::2], cuts[1::2], strict=False)
    )
    answer = ask(Range=f"bytes={field}")
    assert answer.size_bytes <= SIZE
    assert len(sent(answer)) == answer.size_bytes
    assert answer.size_bytes == int(answer.headers["Content-Length"])


def test_framing_that_outweighs_the_file_is_left_out() -> None:
    """Else asking for two bytes of a small file costs ten times the file."""
    thing = Representation.of_file(known(b"x" * 200))
    few = Ask("GET", thing)(Range="bytes=0-0,2-2")
    assert few == Ask("GET", thing)()
    thing = Representation.of_file(known(b"x" * 1000))
    assert Ask("GET", thing)(Range="bytes=0-0,2-2").status == 206


def test_ten_thousand_ranges_are_one_plain_answer() -> None:
    """Else one request keeps every other buyer waiting."""
    field = ",".join(f"{n}-{n}" for n in range(10_000))
    assert ask(Range=f"bytes={field}") == ask()
    before = time.process_time()
    for _ in range(100):
        ask(Range=f"bytes={field}")
    assert time.process_time() - before < 0.2


def test_a_time_to_come_is_not_sent() -> None:
    """Else a wrong clock keeps a stale copy fresh (section 8.8.2.1)."""
    thing = Representation(5, '"x"', NOW + 10**6, "text/plain")
    answer = Ask("GET", thing)()
    assert answer.headers["Last-Modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"


def test_an_empty_file_is_a_file() -> None:
    """Else an empty file of a sample pack is an error."""
    thing = Representation.of_file(known(b""))
    for range_ in ({}, {"Range": "bytes=-1"}):
        answer = Ask("GET", thing)(**range_)
        assert (answer.status, answer.parts) == (200, ())
        assert answer.headers["Content-Length"] == "0"
    answer = Ask("GET", thing)(Range="bytes=0-")
    assert answer.headers["Content-Range"] == "bytes */0"


@pytest.mark.parametrize(
    ("sent_bytes", "expected"), [(0, []), (7, [(10, 17)]), (10, [(10, 20)])]
)
def test_what_left_is_said_in_places_of_the_file(
    sent_bytes: int, expected: list[tuple[int, int]]
) -> None:
    """Else half a download is counted as one."""
    answer = ask(Range="bytes=10-19")
    assert [tuple(each) for each in answer.ranges_sent(sent_bytes)] == expected


def test_framing_is_no_part_of_the_file() -> None:
    """Else the headers between parts are counted as the file's bytes."""
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
def test_any_split_in_any_order_is_the_file_again(
    data: bytes, cuts: list[int], random: Random
) -> None:
    """Else a download that broke off often enough is not the file."""
    thing = Representation.of_file(known(data))
    bounds = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    spans = list(pairwise(bounds))
    random.shuffle(spans)
    result = bytearray(len(data))
    for start, stop in spans:
        answer = Ask("GET", thing)(Range=f"bytes={start}-{stop - 1}")
        assert answer.headers["Content-Range"] == (
            f"bytes {start}-{stop - 1}/{len(data)}"
        )
        result[start:stop] = sent(answer, data)
    assert hashlib.sha256(result).digest() == thing.sha256
