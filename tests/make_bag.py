"""The golden bags of tests/data/bags: what a version wrote, which every later one has to verify.

    python -m tests.make_bag            keep one of this version; refuses where there is one
    python -m tests.make_bag --again    in its place a new one: only as long as the version is not published

Made through the real command line: a session of the simulated pen is recorded, corrected and exported, and the head of
the ledger cosigned by a witness. Scenario and seed are given; ids, keys, nonces and times are new every time.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from devicelog import __version__
from tests.e2e.running import devicelog

BAGS = Path(__file__).parent / "data" / "bags"
WITNESS = "witness.example"
CLIENT, REASON = "DEMO-2", "the chart of another client was open"


def make(folder: Path) -> str:
    """Lay down in this folder a bag, the packages of its one session, the pin, and of a witness the key, its file and
    the cosigned head. Returns the session's id."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as beside:
        data = Path(beside) / "data"
        demo = ("demo", "--seconds", "6", "--speed", "20", "--scenario", "overdepth", "--json")
        session = str(devicelog(*demo, data_dir=data).succeeded().json()["id"])
        pin = devicelog("checkpoint", "key", data_dir=data).succeeded().stdout
        (folder / "pin.txt").write_text(pin, "ascii")
        who = ("--practitioner", "DEMO", "--reason", REASON, "--client", CLIENT)
        devicelog("sessions", "attribute", session, *who, data_dir=data).succeeded()
        devicelog("export", session, "--to", folder / "bag", data_dir=data).succeeded()
        key = ("--key", str(Path(beside) / "witness"), "--name", WITNESS)
        vkey = devicelog("checkpoint", "witness-key", *key).succeeded().stdout
        (folder / "witness.vkey").write_text(vkey, "ascii")
        stick = folder / "witness.file"
        given = ("--witness-key", folder / "witness.vkey")
        for words in (
            ("witness", stick),
            ("cosign", stick, *key, "--pin", folder / "pin.txt"),
            ("witness", stick, *given),
        ):
            where = None if words[0] == "cosign" else data
            devicelog("checkpoint", *words, data_dir=where).succeeded()
        head = devicelog("checkpoint", "show", data_dir=data).succeeded().stdout
        (folder / "witness.checkpoint").write_text(head, "utf-8")
        for package in sorted((data / "packages").glob("*.zip")):
            shutil.copy(package, folder)
    return session


def main(arguments: list[str] | None = None) -> int:
    """Keep a bag of this version. 1 where one is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.make_bag")
    parser.add_argument("--again", action="store_true", help="in the place of the one that is kept")
    options = parser.parse_args(arguments)
    folder = BAGS / __version__
    if folder.exists() and not options.again:
        print(f"{folder} is kept: what a published version wrote does not change", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    make(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
