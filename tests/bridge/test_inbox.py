"""The inbox: nothing is reordered, nothing disappears without an Overflow in its place, nobody waits to deliver."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.readings import Edge, LinkChange, Overflow, SensorBatch, SerialChunk
from firmware_bridge.sources import Inbox

DEADLINE_S = 5.0


def chunk(t_us: int, n_bytes: int) -> SerialChunk:
    return SerialChunk(t_us=t_us, data=bytes(n_bytes), read_total=t_us)


def drain(inbox: Inbox) -> list[object]:
    items: list[object] = []
    while (item := inbox.get_nowait()) is not None:
        items.append(item)
    return items


def test_gives_back_what_was_put_in_order() -> None:
    inbox = Inbox()
    down = LinkChange(t_us=2, up=False, cause="unplugged")
    assert inbox.put_raw(chunk(1, 5))
    assert inbox.put_raw(down)
    inbox.put("a mark")
    assert [inbox.get(0), inbox.get(0), inbox.get(0), inbox.get(0)] == [chunk(1, 5), down, "a mark", None]


def test_a_loss_stands_where_the_bytes_were_missing() -> None:
    inbox = Inbox(max_bytes=10)
    assert inbox.put_raw(chunk(1, 10))
    assert not inbox.put_raw(chunk(2, 3))
    assert not inbox.put_raw(chunk(3, 4))
    inbox.put("a mark")
    assert not inbox.put_raw(chunk(5, 1))
    assert inbox.put_raw(LinkChange(t_us=6, up=False, cause="closed"))
    assert drain(inbox) == [
        chunk(1, 10),
        Overflow(t_us=3, dropped_bytes=7, dropped_chunks=2, since_us=2),
        "a mark",
        Overflow(t_us=5, dropped_bytes=1, dropped_chunks=1, since_us=5),
        LinkChange(t_us=6, up=False, cause="closed"),
    ]
    assert (inbox.high_water_bytes, inbox.dropped_bytes) == (10, 8)


def test_a_loss_comes_out_when_the_queue_is_empty_even_if_the_pen_says_nothing_more() -> None:
    inbox = Inbox(max_bytes=1)
    inbox.put_raw(chunk(1, 2))
    assert inbox.get(DEADLINE_S) == Overflow(t_us=1, dropped_bytes=2, dropped_chunks=1, since_us=1)
    assert inbox.put_raw(chunk(2, 1))
    assert drain(inbox) == [chunk(2, 1)]


@pytest.mark.parametrize("end", ["flush_overflow", "close"])
def test_a_loss_at_the_end_is_queued_once(end: str) -> None:
    inbox = Inbox(max_bytes=1)
    inbox.put_raw(chunk(1, 1))
    inbox.put_raw(chunk(2, 1))
    getattr(inbox, end)()
    getattr(inbox, end)()
    assert drain(inbox) == [chunk(1, 1), Overflow(t_us=2, dropped_bytes=1, dropped_chunks=1, since_us=2)]


def test_get_waits_for_a_producer_in_another_thread() -> None:
    inbox = Inbox()
    waiting = threading.Event()

    def produce() -> None:
        waiting.wait(DEADLINE_S)
        inbox.put("late")

    producer = threading.Thread(target=produce)
    producer.start()
    waiting.set()
    assert inbox.get(DEADLINE_S) == "late"
    producer.join()


def test_close_wakes_a_waiting_consumer_and_keeps_what_is_queued() -> None:
    inbox = Inbox()
    closer = threading.Timer(0.02, inbox.close)
    closer.start()
    started = time.monotonic()
    assert inbox.get(DEADLINE_S) is None
    closer.join()
    inbox.put("after all")
    assert inbox.get(DEADLINE_S) == "after all"
    assert inbox.get(DEADLINE_S) is None
    assert time.monotonic() - started < DEADLINE_S


def test_many_producers_keep_their_own_order_and_every_byte() -> None:
    inbox = Inbox(max_bytes=400)
    n_producers, n_each = 4, 500

    def produce(number: int) -> None:
        for i in range(n_each):
            inbox.put_raw(SerialChunk(t_us=i, data=bytes([number]) * 3))
            inbox.put((number, i))

    producers = [threading.Thread(target=produce, args=(number,)) for number in range(n_producers)]
    for producer in producers:
        producer.start()
    items: list[object] = []
    while sum(isinstance(item, tuple) for item in items) < n_producers * n_each:
        item = inbox.get(DEADLINE_S)
        assert item is not None
        items.append(item)
    for producer in producers:
        producer.join()
    items += drain(inbox)

    for number in range(n_producers):
        assert [item[1] for item in items if isinstance(item, tuple) and item[0] == number] == list(range(n_each))
    kept = sum(len(item.data) for item in items if isinstance(item, SerialChunk))
    dropped = sum(item.dropped_bytes for item in items if isinstance(item, Overflow))
    assert kept + dropped == n_producers * n_each * 3
    assert dropped == inbox.dropped_bytes
    assert inbox.high_water_bytes <= 400


STEPS = st.one_of(
    st.tuples(st.just("chunk"), st.integers(0, 12)),
    st.tuples(st.sampled_from(["link", "mark", "get", "flush"]), st.just(0)),
)


@given(max_bytes=st.integers(0, 20), steps=st.lists(STEPS, max_size=60))
def test_any_interleaving_keeps_the_order_and_conserves_every_byte(
    max_bytes: int, steps: list[tuple[str, int]]
) -> None:
    inbox = Inbox(max_bytes=max_bytes)
    put: list[object] = []  # everything offered, in order; a refused chunk is followed by False
    got: list[object] = []
    waiting = most = 0
    for t_us, (step, n_bytes) in enumerate(steps):
        if step == "chunk":
            item = chunk(t_us, n_bytes)
            accepted = inbox.put_raw(item)
            assert accepted == (waiting + n_bytes <= max_bytes)
            waiting += n_bytes if accepted else 0
            most = max(most, waiting)
            put.append(item if accepted else (item,))
        elif step == "link":
            put.append(LinkChange(t_us=t_us, up=True, cause="reopened"))
            assert inbox.put_raw(put[-1])
        elif step == "mark":
            put.append(f"mark {t_us}")
            inbox.put(put[-1])
        elif step == "flush":
            inbox.flush_overflow()
        elif (item := inbox.get_nowait()) is not None:
            waiting -= len(item.data) if isinstance(item, SerialChunk) else 0
            got.append(item)
    inbox.close()
    got += drain(inbox)

    # Read the output against the input: an Overflow must stand for exactly the refused chunks at its place.
    at = 0
    for item in got:
        if isinstance(item, Overflow):
            run = put[at : at + item.dropped_chunks]
            refused = [entry[0] for entry in run if isinstance(entry, tuple)]
            assert len(refused) == item.dropped_chunks
            assert sum(len(lost.data) for lost in refused) == item.dropped_bytes
            assert (item.since_us, item.t_us) == (refused[0].t_us, refused[-1].t_us)
            at += item.dropped_chunks
        else:
            assert item == put[at]
            at += 1
    assert at == len(put)
    assert inbox.high_water_bytes == most


def batch(t_us: int, n_edges: int) -> SensorBatch:
    return SensorBatch(t_us=t_us, watched_us=10, levels=0, edges=tuple(Edge(0, True, t_us) for _ in range(n_edges)))


def test_a_batch_of_the_pins_that_does_not_fit_is_given_back_and_is_no_loss_of_bytes() -> None:
    inbox = Inbox(max_bytes=100)
    assert inbox.put_raw(batch(1, 15))
    assert not inbox.put_raw(batch(2, 15))
    assert inbox.put_raw(LinkChange(t_us=3, up=False, cause="io error", port="pins"))
    assert drain(inbox) == [batch(1, 15), LinkChange(t_us=3, up=False, cause="io error", port="pins")]
    assert inbox.dropped_bytes == 0
    assert inbox.put_raw(batch(4, 15))
