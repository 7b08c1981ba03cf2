"""The verifier as an auditor has it: one file, no devicelog, perhaps no other program, and a command line."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from devicelog import verify as v
from devicelog.records import Chunk, record_of
from firmware_bridge.readings import SerialChunk
from tests.databases import make_database
from tests.oracles import needed
from tests.verifier import building as b
from tests.verifier.judging import judged, problems

FILE = Path(v.__file__)


@pytest.fixture(scope="module")
def log():
    return b.Log()


@pytest.fixture(scope="module")
def stream(log):
    return b.small_session(log, mode="demo")


@pytest.fixture(scope="module")
def bag(log, stream):
    return b.bag(log, [stream])


@pytest.fixture
def laid(log, bag, tmp_path):
    """The folder with the verifier in it, a bag and a pin, as somebody carries it away."""
    (tmp_path / "verify.py").write_bytes(FILE.read_bytes())
    (tmp_path / "pin.txt").write_text(log.pin())
    b.laid_down(bag, tmp_path / "bag")
    return tmp_path


def ask(folder: Path, *words: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    command = [sys.executable, "-I", "-S", "verify.py", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=60)


def test_it_imports_the_standard_library_and_nothing_else():
    tree = ast.parse(FILE.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def test_it_is_written_in_python_3_9():
    ast.parse(FILE.read_text("utf-8"), feature_version=(3, 9))


def test_a_bag(laid):
    done = ask(laid, "bag", "--key", "pin.txt")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "VERIFIED - DEMO DATA: no real pen sent this"
    assert "outside witness: none. Everything here rests on the signature of the device alone" in lines
    assert any(
        line.startswith(f"session {b.SESSION} (demo): 6 records in 2 chunks, sealed by entry 4") for line in lines
    )


def test_without_any_other_program(laid):
    done = ask(laid, "bag", "--key", "pin.txt", "--json", path=str(laid / "nothing"))
    assert done.returncode == 0
    assert json.loads(done.stdout)["coverage"]["signatures_checked_by"] == ["verify.py"]


def test_with_the_programs_of_others(laid):
    needed("openssl"), needed("ssh-keygen")
    report = json.loads(ask(laid, "bag", "--key", "pin.txt", "--json").stdout)
    assert report["schema"] == "devicelog.verification/1"
    assert report["coverage"]["signatures_checked_by"] == ["openssl", "ssh-keygen", "verify.py"]


def test_the_programs_say_no_where_this_one_does(laid, log, bag):
    """The other way round than above: they are asked for a signature that does not hold, and agree."""
    needed("openssl"), needed("ssh-keygen")
    tools, key = v.Tools(), b.public(log.bags_key)
    signature = v.parse_armoured(bag["tagmanifest-sha256.txt.sig"])[1]
    assert tools.bag(log.name, key, bag["tagmanifest-sha256.txt"], signature)
    assert not tools.bag(log.name, key, b"another", signature)
    assert not tools.note(key, b"another", signature)
    assert tools.used == {"verify.py", "openssl", "ssh-keygen"}


@pytest.mark.parametrize("name", ["openssl", "ssh-keygen"])
def test_a_program_of_another_opinion_leaves_it_undecided(name, laid):
    says = {
        "openssl": "echo Signature Verification Failure; exit 1",
        "ssh-keygen": "echo Could not verify signature.; exit 255",
    }
    (laid / "bin").mkdir()
    (laid / "bin" / name).write_text(f"#!/bin/sh\n{says[name]}\n")
    (laid / "bin" / name).chmod(0o755)
    done = ask(laid, "bag", "--key", "pin.txt", path=f"{laid / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 7
    assert f"{name} says that the signature does not hold, this program that it holds" in done.stdout


@pytest.mark.parametrize("name", ["openssl", "ssh-keygen"])
def test_a_program_that_is_too_old_is_passed_over_and_not_named(name, laid):
    (laid / "bin").mkdir()
    (laid / "bin" / name).write_text("#!/bin/sh\necho unknown option; exit 1\n")
    (laid / "bin" / name).chmod(0o755)
    done = ask(laid, "bag", "--key", "pin.txt", "--json", path=f"{laid / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert name not in json.loads(done.stdout)["coverage"]["signatures_checked_by"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing"], 6, "there is nothing at nothing"),
        (["bag"], 7, "CANNOT DECIDE: the key: no pinned key was given"),
        (["bag", "--key", "bag"], 2, "is not the text of an Ed25519 key"),
        (["bag", "--key", "no-such-file"], 2, "is not the text of an Ed25519 key"),
        (["bag", "--key", "verify.py"], 2, "not a birth certificate"),
        (["bag", "--key", b.witness_key("w.example")], 2, "is the key of a witness: give it with --witness"),
        (["bag", "--key", "pin.txt", "--witness", "no-such-file"], 6, "No such file"),
        (["bag", "--key", "pin.txt", "--witness", "pin.txt"], 2, "holds neither a checkpoint nor keys"),
        ([], 2, "usage"),
        (["bag", "--kex"], 2, "usage"),
    ],
    ids=str,
)
def test_exit_codes(words, code, said, laid):
    done = ask(laid, *words)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("way", ["bag/data/pin.txt", "linked", "./x/../bag/data/pin.txt"])
def test_a_pin_out_of_what_is_checked_is_refused(way, laid):
    """Whoever forges a bag puts a pin that fits it in."""
    (laid / "linked").symlink_to(laid / "bag" / "data" / "pin.txt")
    (laid / "x").mkdir()
    done = ask(laid, "bag", "--key", way)
    assert (done.returncode, done.stdout) == (2, "")
    assert "lies in what is to be checked" in done.stderr
    assert "from its own papers" in done.stderr


@pytest.mark.parametrize("words", [["--json"], []], ids=["json", "words"])
def test_a_reader_that_goes_away_changes_nothing(words, laid):
    """`verify.py ... | head -1`: no traceback, and the result is still the exit code."""
    command = [sys.executable, "-I", "-S", "verify.py", "bag", "--key", "pin.txt", *words]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, cwd=laid, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_altered_is_3_on_the_command_line_too(laid):
    (laid / "bag" / "data" / "x").write_bytes(b"")
    done = ask(laid, "bag", "--key", "pin.txt")
    assert done.returncode == 3
    assert done.stdout.startswith("ALTERED - DEMO DATA")
    assert "ALTERED: data/x: is in no list" in done.stdout


def test_the_text_of_a_key_is_enough_for_a_package(laid, log, stream):
    (laid / "x.package.zip").write_bytes(b.zipped(b.package(log, stream)))
    key = b.vkey(log.name, 1, log.notes_key)
    assert ask(laid, "x.package.zip", "--key", key).returncode == 0
    (laid / "key").write_text(key + "\n")
    assert ask(laid, "x.package.zip", "--key", "key").returncode == 0


def test_a_pin_that_was_typed_on_another_system(laid, log, bag):
    (laid / "pin.txt").write_bytes(log.pin().replace("\n", "\r\n").encode() + b"\r\n")
    assert ask(laid, "bag", "--key", "pin.txt").returncode == 0


def test_what_breaks_the_program_is_not_verified(laid, monkeypatch, capsys):
    monkeypatch.setattr(v, "verify", lambda *_, **__: 1 / 0)
    assert v.main([str(laid / "bag")]) == 7
    assert "this program failed (ZeroDivisionError" in capsys.readouterr().err


def test_sessions_of_a_recorded_database(tmp_path):
    log, streams = b.from_database(make_database(tmp_path / "data"))
    report = judged(b.laid_down(b.bag(log, streams, inspection=True), tmp_path / "bag"), log)
    assert report["exit_code"] == 0, problems(report)
    assert report["modes"] == {"demo": 2}
    assert report["coverage"]["whole_log"] == len(log.entries)
    for stream in streams:
        path = tmp_path / f"{stream.id}.package.zip"
        path.write_bytes(b.zipped(b.package(log, stream)))
        assert judged(path, log)["exit_code"] == 0


def test_a_package_that_the_product_wrote(tmp_path):
    """The one place where the two meet: the writer, and the reader that was written from the page."""
    command = [
        sys.executable,
        "-m",
        "devicelog",
        "demo",
        "--seconds",
        "6",
        "--speed",
        "20",
        "--data-dir",
        str(tmp_path / "d"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    [path] = (tmp_path / "d" / "packages").glob("*.package.zip")
    with zipfile.ZipFile(path) as archive:
        pin = v.parse_pin(archive.read("pin.txt").decode())
    report = v.verify(path, pin=pin)
    assert report["exit_code"] == 0, problems(report)
    assert report["modes"] == {"demo": 1}
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert v.verify(path, pin=pin)["exit_code"] == 3


def test_a_package_of_one_hour_takes_less_than_a_second_of_cpu_and_little_memory(tmp_path):
    """50 reads a second for an hour, a chunk every 0.64 s, a commitment a minute."""
    log, stream = b.Log(), b.Stream(b.SESSION)
    profile = stream.keep(b"{}")
    log.add("session.opened", {"stream": b.SESSION, "documents": {"profile": profile}, "mode": "real"})
    reads = [SerialChunk(t_us=0, data=os.urandom(60)) for _ in range(32)]
    hour_us, number = 3_600_000_000, 0
    tops = v.Tree()
    while number * 20_000 < hour_us:
        records = [record_of(number + n, (number + n) * 20_000, read) for n, read in enumerate(reads)]
        number += len(records)
        stream.chunks.append(Chunk.of(b.SESSION, records).data)
        tops.append(b.leaf(stream.chunks[-1]))
        extent = {"stream": b.SESSION, "chunks": tops.size, "records": number, "root": tops.root().hex()}
        if tops.size % 94 == 0:
            log.add("chunks.committed", extent)
    log.add("session.closed", {**extent, "derived": profile, "mode": "real"})
    b.seal(log, stream)
    (tmp_path / "x.package.zip").write_bytes(b.zipped(b.package(log, stream)))
    (tmp_path / "pin").write_text(log.pin())
    measure = (
        f"import resource, runpy, sys; sys.argv = ['verify.py', 'x.package.zip', '--key', 'pin']\n"
        f"try: runpy.run_path({str(FILE)!r}, run_name='__main__')\n"
        "except SystemExit as done: code = done.code\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(code, used.ru_utime + used.ru_stime, peak.split()[1], file=sys.stderr)"
    )
    command = [sys.executable, "-I", "-S", "-c", measure]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    code, cpu_s, rss_kb = done.stderr.split()
    assert int(code) == 0, done.stdout
    assert float(cpu_s) < 1.0, f"{rss_kb} kB"
    assert int(rss_kb) < 40_000, "an hour is fourteen megabytes, and is not held at once"
