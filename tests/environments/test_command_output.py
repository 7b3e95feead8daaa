"""What is kept of a command's output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.environments.command_output import BoundedOutput, Demultiplexer, FirstLine

CHUNKS = st.lists(st.binary(max_size=30), max_size=30)


def filled(chunks: list[bytes], cap: int) -> BoundedOutput:
    output = BoundedOutput(cap)
    for chunk in chunks:
        output.append(chunk)
    return output


def frame(stream: int, content: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


class TestBoundedOutput:
    @given(CHUNKS)
    def test_everything_is_kept_up_to_the_cap(self, chunks: list[bytes]) -> None:
        output = filled(chunks, cap=1000)

        assert output.text() == b"".join(chunks).decode(errors="replace")
        assert not output.truncated

    @given(st.lists(st.binary(max_size=30).map(lambda data: bytes(65 + byte % 26 for byte in data)), max_size=30))
    def test_beyond_the_cap_head_and_tail_are_kept_and_the_rest_is_counted(self, chunks: list[bytes]) -> None:
        text = b"".join(chunks).decode()
        output = filled(chunks, cap=20)

        left_out = len(text) - 20
        assert output.truncated == (left_out > 0)
        assert output.text() == (
            f"{text[:10]}\n[... {left_out} bytes left out ...]\n{text[-10:]}" if left_out > 0 else text
        )

    @given(CHUNKS)
    def test_little_more_than_the_cap_is_held(self, chunks: list[bytes]) -> None:
        output = filled(chunks, cap=20)

        assert len(output._head) + sum(map(len, output._tail)) <= 20 + 30

    def test_a_letter_cut_in_two_by_chunks_is_whole(self) -> None:
        assert filled([b"\xc3", b"\xa4"], cap=100).text() == "ä"

    def test_a_letter_cut_in_two_between_head_and_tail_is_whole(self) -> None:
        assert filled(["aä".encode(), b"b"], cap=4).text() == "aäb"


class TestDemultiplexer:
    @given(
        st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=10),
        st.lists(st.integers(1, 9), min_size=1),
    )
    def test_streams_are_told_apart_however_the_frames_arrive(
        self, frames: list[tuple[int, bytes]], sizes: list[int]
    ) -> None:
        stdout, stderr = BoundedOutput(), BoundedOutput()
        demultiplexer = Demultiplexer(stdout, stderr)
        data = b"".join(frame(stream, content) for stream, content in frames)
        while data:
            size = sizes[len(data) % len(sizes)]
            demultiplexer.feed(data[:size])
            data = data[size:]

        def said(stream: int) -> str:
            return b"".join(content for number, content in frames if number == stream).decode(errors="replace")

        assert (stdout.text(), stderr.text()) == (said(1), said(2))

    def test_an_unknown_stream_is_output(self) -> None:
        stdout, stderr = BoundedOutput(), BoundedOutput()

        Demultiplexer(stdout, stderr).feed(frame(7, b"hello"))

        assert (stdout.text(), stderr.text()) == ("hello", "")


class TestFirstLine:
    @pytest.mark.parametrize(
        ("chunks", "value", "rest"),
        [
            ([b"key 12\n"], b"12", ""),
            ([b"key 12\nout\n"], b"12", "out\n"),
            ([b"key 12\n", b"out\n"], b"12", "out\n"),
            ([b"k", b"ey", b" 1", b"2", b"\n", b"o"], b"12", "o"),
            ([b"key 12\nkey 13\n"], b"12", "key 13\n"),
            ([b"out\nkey 12\n"], None, "out\nkey 12\n"),
            ([b"ke", b"ttle\n"], None, "kettle\n"),
            ([b"\n", b"key 12\n"], None, "\nkey 12\n"),
            ([b"key ", b"x" * 40], None, "key " + "x" * 40),
            ([b"key 1"], None, "key 1"),
            ([], None, ""),
        ],
        ids=[
            "alone",
            "and more",
            "in two pieces",
            "in many pieces",
            "once",
            "not first",
            "begins like it",
            "an empty line",
            "without end",
            "broken off",
            "nothing",
        ],
    )
    def test_it_is_taken_off_and_nothing_else(self, chunks: list[bytes], value: bytes | None, rest: str) -> None:
        sink = BoundedOutput()
        first = FirstLine(b"key ", sink)

        for chunk in chunks:
            first.append(chunk)
        first.close()

        assert (first.value, sink.text()) == (value, rest)

    def test_it_tells_as_soon_as_it_is_clear(self) -> None:
        one, other = FirstLine(b"key ", BoundedOutput()), FirstLine(b"key ", BoundedOutput())
        for first in (one, other):
            first.append(b"ke")
            assert not first.settled.is_set()
        one.append(b"y 1\n")
        other.append(b"ttle")

        assert [one.settled.is_set(), other.settled.is_set()] == [True, True]
