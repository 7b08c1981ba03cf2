"""The body of a sensors record: any batch comes back, any other bytes are refused."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.records import MAX_BODY, SENSORS, Record, item_of, record_of
from devicelog.sensor_bytes import batch_of, body_of, fitting
from firmware_bridge.readings import MAX_ADC, MAX_EDGES, MAX_US, AdcSample, Edge, SensorBatch

T_US = 86_400_000_000
NOTHING = SensorBatch(t_us=T_US, watched_us=40_000, levels=0)

ages_us = st.integers(0, 2**32 - 1)
edges = st.builds(Edge, st.integers(0, 6), st.booleans(), ages_us.map(lambda age_us: T_US - age_us))
samples = st.builds(AdcSample, st.integers(0, 7), st.integers(0, 1023), ages_us.map(lambda age_us: T_US - age_us))
batches = st.builds(
    SensorBatch,
    t_us=st.just(T_US),
    watched_us=st.integers(0, 2**32 - 1),
    levels=st.integers(0, 127),
    edges=st.lists(edges, max_size=20).map(tuple),
    adc=st.lists(samples, max_size=20).map(tuple),
    dropped=st.integers(0, 2**32 - 1),
)


@settings(deadline=None)
@given(batches)
def test_any_batch_comes_back_from_its_record(batch):
    assert item_of(record_of(7, T_US, batch)) == batch


@settings(deadline=None)
@given(batches, st.data())
def test_a_body_that_is_cut_is_refused(batch, data):
    body = body_of(batch)
    with pytest.raises(ValueError, match="a sensors body"):
        batch_of(T_US, body[: data.draw(st.integers(0, len(body) - 1))])


def test_bytes_after_the_last_conversion_are_refused():
    with pytest.raises(ValueError, match="says 0 edges and 0 conversions"):
        item_of(Record(0, T_US, SENSORS, body_of(NOTHING) + b"\0"))


def test_the_fullest_batch_fits_a_record():
    full = replace(NOTHING, edges=(Edge(6, True, T_US),) * MAX_EDGES, adc=(AdcSample(0, 1023, T_US - 1),) * MAX_ADC)
    assert len(body_of(full)) <= MAX_BODY
    assert batch_of(T_US, body_of(full)) == full


@pytest.mark.parametrize(
    "batch",
    [
        replace(NOTHING, edges=(Edge(0, True, T_US),) * (MAX_EDGES + 1)),
        replace(NOTHING, adc=(AdcSample(0, 1, T_US),) * (MAX_ADC + 1)),
        replace(NOTHING, edges=(Edge(0, True, T_US + 1),)),
        replace(NOTHING, watched_us=2**32),
    ],
    ids=["too many edges", "too many conversions", "an edge after the batch", "watched too long"],
)
def test_what_no_source_delivers_is_refused(batch):
    with pytest.raises(ValueError):
        body_of(batch)


WRONG = {
    "an edge after the batch": (replace(NOTHING, edges=(Edge(0, True, T_US + 1), Edge(1, True, T_US))), 1),
    "an edge of long ago": (replace(NOTHING, edges=(Edge(0, True, T_US - MAX_US - 1),)), 1),
    "an edge of no line": (replace(NOTHING, edges=(Edge(128, True, T_US), Edge(-1, True, T_US))), 2),
    "a conversion after the batch": (replace(NOTHING, adc=(AdcSample(0, 1, T_US + 1), AdcSample(0, 2, T_US))), 1),
    "a count beyond": (replace(NOTHING, adc=(AdcSample(0, 2**16, T_US), AdcSample(0, -1, T_US))), 2),
    "a channel beyond": (replace(NOTHING, adc=(AdcSample(256, 1, T_US),)), 1),
    "too many": (
        replace(NOTHING, edges=(Edge(0, True, T_US),) * (MAX_EDGES + 2), adc=(AdcSample(0, 1, T_US),) * (MAX_ADC + 3)),
        5,
    ),
    "watched for less than nothing": (replace(NOTHING, watched_us=-1), 0),
    "watched too long": (replace(NOTHING, watched_us=MAX_US + 1), 0),
    "levels beyond": (replace(NOTHING, levels=2**16), 0),
    "more dropped than can be told": (replace(NOTHING, dropped=MAX_US + 1), 0),
}


@pytest.mark.parametrize(("batch", "lost"), WRONG.values(), ids=WRONG)
def test_of_what_no_source_delivers_a_record_holds_what_it_can_and_counts_the_rest(batch, lost):
    with pytest.raises(ValueError):
        body_of(batch)
    fits = fitting(batch)
    assert batch_of(T_US, body_of(fits)) == fits
    assert len(fits.edges) + len(fits.adc) == len(batch.edges) + len(batch.adc) - lost
    assert fits.dropped == min(batch.dropped + lost, MAX_US)


@settings(deadline=None)
@given(batches)
def test_what_fits_stays_as_it_is(batch):
    assert fitting(batch) == batch
