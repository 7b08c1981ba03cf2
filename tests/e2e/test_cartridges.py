"""A cartridge that is changed while a session is recorded: an entry in the ledger, and a mark in the session."""

import signal
from pathlib import Path

from tests.barcodes.codes import ITEM, gs1
from tests.e2e.running import PtyPen, assert_whole, devicelog, entries, goodbye, recording, samples
from tests.e2e.test_record import marks_in

FIRST = gs1(("01", ITEM), ("17", "990630"), ("10", "A1B2"))
SECOND = gs1(("01", ITEM), ("17", "990630"), ("21", "S-1"), ("10", "C3D4"))


def test_a_cartridge_scanned_in_mid_session_is_marked_and_recalled(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 10))
        scan = ("cartridges", "scan", "--by", "KM", "--attest", "yes", "--json")
        fits = [devicelog(*scan, code, data_dir=data_dir).succeeded().json() for code in (FIRST, SECOND)]
        unknown = devicelog("mark", "cartridge", "x-0000000009", data_dir=data_dir).succeeded()
        assert "x-0000000009 (not known here: nobody fitted it): recorded" in unknown.stdout
        devicelog("mark", "cartridge", fits[0]["cartridge"], data_dir=data_dir).succeeded()
        pen.send(*samples(20, 10), goodbye(40))
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert [(fit["again"], type(fit["record"])) for fit in fits] == [(False, int), (False, int)], fits
    marks = [mark for _, mark in marks_in(data_dir)]
    assert [(mark.identity, mark.lot, mark.serial, mark.used_before, mark.overridden) for mark in marks] == [
        ("lot only", "A1B2", False, None, False),
        ("serial", "C3D4", True, 0, False),
        (None, None, None, None, None),
        ("lot only", "A1B2", False, None, False),
    ]
    [session] = {fit["session"] for fit in fits}
    told = [entry["body"] for entry in entries(data_dir) if entry["type"] == "cartridge.fitted"]
    assert [(body["stream"], body["told"]["cartridge"]) for body in told] == [
        (session, fit["cartridge"]) for fit in fits
    ]
    for lot in ("A1B2", "C3D4"):
        found = devicelog("cartridges", "recall", "--lot", lot, "--json", data_dir=data_dir).succeeded().json()
        assert [(row["session"], row["how"]) for row in found["sessions"]] == [(session, "fitted")]
    assert_whole(data_dir)
