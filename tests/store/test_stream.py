"""An open stream: what it is given becomes a record, also where a source has delivered what none can hold."""

from pathlib import Path

from devicelog.pipeline import new_documents
from devicelog.recorder.stream import OpenStream
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.writer import Writer
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import AdcSample, Edge, SensorBatch
from tests.databases import StillClock, no_stall, software


def test_a_batch_that_no_record_can_hold_is_kept_as_far_as_it_can_be_and_the_recording_goes_on(tmp_path: Path) -> None:
    prepare_data_dir(tmp_path)
    clock = StillClock()
    engine, head = open_for_writing(tmp_path, stamps=clock, sw=software())
    writer = Writer(tmp_path / FILE_NAME, engine, head, stamps=clock, sw=software(), on_stall=no_stall)
    stream = OpenStream(
        writer,
        clock,  # type: ignore[arg-type]
        type_="span.opened",
        body={"stream": "u-0123456789", "mode": "demo"},
        documents=new_documents(load_profile("gpio-adc"), None, None),
        read_total=0,
    )
    t_us = clock.us
    levels = 0b1111111
    stream.take(SensorBatch(t_us=t_us, watched_us=0, levels=levels))
    early = (Edge(0, False, t_us + 39_000), AdcSample(0, 500, t_us + 40_001))
    stream.take(SensorBatch(t_us=t_us + 40_000, watched_us=40_000, levels=levels - 1, edges=early[:1], adc=early[1:]))
    stream.take(SensorBatch(t_us=t_us + 80_000, watched_us=40_000, levels=levels - 1))
    assert stream.last_record == 3
    stream.close("stop")
    assert stream.pipeline.judge()[0]["sensors"]["account"]["dropped"] == 1
    assert writer.close()
