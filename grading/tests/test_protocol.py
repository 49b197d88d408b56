"""Frames arrive as they were sent, and nothing else arrives at all."""

import json
import socket
import struct
import threading
import time

import pytest
import torch

from grading.errors import Crashed, ProtocolError, TimedOut
from grading.isolation.protocol import MAX_HEADER, Channel, strict_json
from helpers.checks.engine.values import Other, Raised, decode, encode


@pytest.fixture
def ends():
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def frame(header: object, body: bytes = b"", sizes: tuple[int, int] | None = None) -> bytes:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("!IQ", *(sizes or (len(data), len(body)))) + data + body


def received(ends, data: bytes):
    ends[0].sendall(data)
    ends[0].shutdown(socket.SHUT_WR)
    return Channel(ends[1], max_body=1 << 20).receive(time.monotonic() + 30)


TENSORS = [
    torch.tensor(3.5),
    torch.arange(6, dtype=torch.float64).reshape(2, 3).t(),
    torch.tensor([True, False, True]),
    torch.zeros(0, 4, dtype=torch.int16),
    torch.tensor([float("nan"), float("-inf")], dtype=torch.bfloat16),
    torch.arange(5, dtype=torch.uint8),
]


def test_a_frame_arrives_as_it_was_sent(ends):
    Channel(ends[0]).send({"a": [1, "two"]}, TENSORS, time.monotonic() + 30)
    message, tensors = Channel(ends[1]).receive(time.monotonic() + 30)
    assert message == {"a": [1, "two"]}
    for got, sent in zip(tensors, TENSORS, strict=True):
        assert got.dtype == sent.dtype and got.shape == sent.shape
        assert torch.equal(got, sent) or (got.isnan() == sent.isnan()).all()


def test_a_frame_larger_than_the_socket_holds_arrives(ends):
    big = torch.arange(2_000_000.0)
    sender = threading.Thread(target=Channel(ends[0]).send, args=({}, [big], time.monotonic() + 30))
    sender.start()
    _, (got,) = Channel(ends[1]).receive(time.monotonic() + 30)
    sender.join()
    assert torch.equal(got, big)


def test_bytes_of_a_bool_become_true_or_false(ends):
    _, (got,) = received(ends, frame({"message": {}, "tensors": [["bool", [3]]]}, bytes([0, 7, 255]) + bytes(61)))
    assert got.tolist() == [False, True, True]


GOOD = {"message": {}, "tensors": []}
MALFORMED = {
    "no json": frame(b"\xff\xfe\x00"),
    "cut json": frame(b'{"message": '),
    "nan literal": frame(b'{"message": {"x": NaN}, "tensors": []}'),
    "infinite number": frame(b'{"message": {"x": 1e999}, "tensors": []}'),
    "a huge integer": frame(b'{"message": {"x": ' + b"9" * 10_000 + b'}, "tensors": []}'),
    "nested without end": frame(b"[" * 100_000),
    "a list": frame([]),
    "another key": frame({**GOOD, "pickle": "gASV"}),
    "a message that is text": frame({"message": "x", "tensors": []}),
    "tensors that are text": frame({"message": {}, "tensors": "x"}),
    "too many tensors": frame({"message": {}, "tensors": [["uint8", [0]]] * 2000}),
    "an unknown dtype": frame({"message": {}, "tensors": [["object", [1]]]}, bytes(64)),
    "a dtype that is a list": frame({"message": {}, "tensors": [[["float32"], [1]]]}, bytes(64)),
    "a negative size": frame({"message": {}, "tensors": [["float32", [-1, -16]]]}, bytes(64)),
    "a size that is true": frame({"message": {}, "tensors": [["uint8", [True]]]}, bytes(64)),
    "a shape larger than the body": frame({"message": {}, "tensors": [["float32", [10**6, 10**6]]]}, bytes(64)),
    "a shape smaller than the body": frame({"message": {}, "tensors": [["float32", [1]]]}, bytes(128)),
    "an empty tensor of any size": frame({"message": {}, "tensors": [["float32", [0, 10**18]]]}),
    "empty, of sizes that overflow together": frame({"message": {}, "tensors": [["uint8", [0, 2**40, 2**40]]]}),
    "sizes of thousands of digits": frame(
        {"message": {}, "tensors": [["float32", [int("9" * 4000)] * 2 + [3]]]}, bytes(64)
    ),
    "a shape that is half a character": frame({"message": {}, "tensors": [["float32", "\ud800"]]}, bytes(64)),
    "a tensor that is half a character": frame({"message": {}, "tensors": ["\ud800"]}, bytes(64)),
    "nine dimensions": frame({"message": {}, "tensors": [["uint8", [1] * 9]]}, bytes(64)),
    "an announced terabyte": frame(b"", sizes=(2, 1 << 40)),
    "an announced header of gigabytes": frame(b"", sizes=(0xFFFFFFFF, 0)),
    "a body over the limit": frame({"message": {}, "tensors": [["uint8", [2 << 20]]]}, bytes(2 << 20)),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in MALFORMED.items()])
def test_a_malformed_frame_is_refused(ends, data):
    sender = threading.Thread(target=lambda: ends[0].sendall(data[:200_000]), daemon=True)
    sender.start()
    with pytest.raises(ProtocolError) as raised:
        Channel(ends[1], max_body=1 << 20).receive(time.monotonic() + 30)
    assert str(raised.value).encode()  # it stands in the report, and in the notebook that the student gets back


def test_a_peer_that_hangs_up_has_crashed(ends):
    with pytest.raises(Crashed, match="ended"):
        received(ends, frame(GOOD)[:9])


def test_a_peer_that_says_nothing_times_out(ends):
    with pytest.raises(TimedOut, match="in time"):
        Channel(ends[1]).receive(time.monotonic() + 0.05)


def test_drops_in_time_do_not_stretch_the_deadline(ends):
    stop = threading.Event()

    def drip():
        while not stop.wait(0.02):
            ends[0].send(b"\x00")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TimedOut):
            Channel(ends[1]).receive(time.monotonic() + 0.15)
    finally:
        stop.set()
        thread.join()


def test_of_time_that_does_not_pass_none_is_lost(ends):
    """What is left is asked anew, as of a process that waits for a processor."""
    left = iter([0.01, 0.01, 0.01, 30.0, 30.0, 30.0])

    def answer_late() -> float:
        if (seconds := next(left)) == 30.0 and not sent:
            sent.append(ends[0].sendall(frame(GOOD)))
        return seconds

    sent: list[None] = []
    assert Channel(ends[1]).receive(answer_late) == ({}, [])
    with pytest.raises(TimedOut, match="in time"):
        Channel(ends[1]).receive(lambda: next(none_left))


none_left = iter([0.01, 0.005, 0.0])


def test_a_peer_that_does_not_read_times_out(ends):
    with pytest.raises(TimedOut):
        Channel(ends[0]).send({}, [torch.zeros(4_000_000)], time.monotonic() + 0.2)


def test_a_frame_over_the_limit_is_not_sent(ends):
    with pytest.raises(ProtocolError, match="is over"):
        Channel(ends[0]).send({"x": "y" * MAX_HEADER})


def test_json_is_strict():
    assert strict_json(b'{"a": [1, 2.5, null, true]}') == {"a": [1, 2.5, None, True]}
    for text in (b"Infinity", b"-Infinity", b"NaN", b"1e400", b"{'a': 1}"):
        with pytest.raises(ProtocolError):
            strict_json(text)


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [2**53, -(10**4000), {"l": [1, 10**400]}, {"r": ["Error", "text", 2**53]}],
    ids=["54 bits", "4000 digits", "in a list", "a line"],
)
def test_an_int_that_encode_does_not_write_is_refused(data):
    with pytest.raises(ValueError, match="beyond 53 bits"):
        decode(data, [])


def test_an_answers_larger_int_is_a_value_of_another_kind():
    assert decode(*encode([2**53 - 1, 2**53, -(10**5000)])) == [2**53 - 1, *[Other("int beyond 53 bits")] * 2]


def test_texts_of_values_are_cut_and_can_be_written():
    long = "\ud800" * 5000
    decoded = decode({"l": [{"s": long}, {"o": long}, {"r": [long, long, 1]}, {"d": {long: None}}]}, [])
    assert decoded == ["?" * 2000, Other("?" * 2000), Raised("?" * 2000, "?" * 2000, 1), {"?" * 2000: None}]
    assert decode(*encode("\u00fc\U0001f600")) == "\u00fc\U0001f600"
