"""The source of sensors on pins, on mock pins: edges, levels, ticks, what is lost, what cannot be opened."""

from __future__ import annotations

import time
from itertools import pairwise

from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import LinkChange, SensorBatch
from firmware_bridge.simulator import load_scenario, script_for
from firmware_bridge.simulator.pins import SimulatedPins
from firmware_bridge.simulator.sensors import edges_of
from firmware_bridge.sources import Inbox
from firmware_bridge.sources.gpio import GpioSource
from firmware_bridge.sources.pin_watch import PinWatch
from firmware_bridge.wiring import LINES


def wiring_of(name="gpio-reference"):
    wiring = load_profile(name).gpio
    assert wiring is not None
    return wiring


def sensors_of(scenario="clean", seconds=6.0, seed=1, profile="gpio-reference", now_us=None):
    script = script_for(load_scenario(scenario), seconds, seed)
    return SimulatedPins(script, wiring_of(profile), seed, now_us)


def test_every_edge_that_was_driven_is_in_a_batch_at_its_time():
    sensors = sensors_of()
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory) as watch:
        watch.open()
        batches = [watch.begin()]
        sensors.start()
        began_us = sensors.now_us()
        while not sensors.ended:
            sensors.advance(40_000)
            batches.append(watch.batch())
    told = [edge for batch in batches for edge in batch.edges]
    driven = [
        (began_us + edge.t_us, edge.line, edge.level) for edge in edges_of(sensors.script, sensors.wiring, sensors.seed)
    ]
    assert [(edge.t_us, edge.line, edge.level) for edge in told] == driven
    assert len(told) > 2_000
    assert sum(batch.dropped for batch in batches) == 0
    for before, batch in pairwise(batches):
        assert batch.t_us - batch.watched_us == before.t_us


def test_the_source_delivers_batches_that_join_in_real_time():
    inbox = Inbox()

    def now_us() -> int:
        return time.monotonic_ns() // 1000

    sensors = sensors_of(now_us=now_us)
    with sensors, GpioSource(sensors.wiring, inbox, now_us, factory=sensors.factory) as source:
        source.open()
        source.start()
        sensors.start()
        sensors.run()
        deadline_s = time.monotonic() + 20
        items = []
        while sum(isinstance(item, SensorBatch) for item in items) < 12:
            assert time.monotonic() < deadline_s
            item = inbox.get(0.1)
            items += [] if item is None else [item]
    while (item := inbox.get_nowait()) is not None:
        items.append(item)
    assert items[0] == LinkChange(t_us=items[0].t_us, up=True, cause="opened", port="pins")
    batches = items[1:]
    assert batches[0].watched_us == 0
    for before, batch in pairwise(batches):
        assert batch.t_us - batch.watched_us == before.t_us
    counted = sum(len(batch.edges) for batch in batches)
    assert counted == sum(sensors.driven.values()) - sensors.swallowed > 50
    assert sensors.swallowed == 0
    # the levels at the end of each batch are those that its edges lead to
    levels = batches[0].levels
    for batch in batches[1:]:
        for edge in batch.edges:
            levels = levels & ~(1 << edge.line) | edge.level << edge.line
        assert batch.levels == levels
    assert LINES[0] == "strokes"
