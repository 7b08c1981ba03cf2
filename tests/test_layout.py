"""The rooms of the house and who may enter them: imports read from the source, against the tables below.

The tables are the plan. A module that needs another one changes a line here, and that is seen.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from devicelog.cli import _COMMANDS, cli

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"firmware_bridge": ROOT / "firmware_bridge", "devicelog": ROOT / "src" / "devicelog"}

# No port, file, clock, thread, socket, log or chance in these: what they return depends on what they are given.
PURE = {
    "firmware_bridge.readings",
    "firmware_bridge.frames",
    "firmware_bridge.decode",
    "firmware_bridge.profile",
    "firmware_bridge.tables",
    "firmware_bridge.wiring",
    "firmware_bridge.checksums",
    "firmware_bridge.expression",
    "firmware_bridge.line_format",
    "firmware_bridge.line_reader",
    "firmware_bridge.lines",
    "firmware_bridge.pace",
    "firmware_bridge.sides",
    "firmware_bridge.transports",
    "firmware_bridge.edges",
    "firmware_bridge.edges.decoder",
    "firmware_bridge.edges.dial",
    "firmware_bridge.edges.line",
    "firmware_bridge.edges.pedal",
    "firmware_bridge.edges.pen",
    "firmware_bridge.edges.strokes",
    "firmware_bridge.edges.timeline",
    "firmware_bridge.errors",
    "firmware_bridge.calibration",
    "firmware_bridge.simulator.kinds",
    "firmware_bridge.simulator.scenario",
    "firmware_bridge.simulator.language",
    "firmware_bridge.simulator.script",
    "firmware_bridge.simulator.arm",
    "firmware_bridge.simulator.placing",
    "firmware_bridge.simulator.physics",
    "firmware_bridge.simulator.memory",
    "firmware_bridge.simulator.faults",
    "firmware_bridge.simulator.pen",
    "firmware_bridge.simulator.gauges",
    "firmware_bridge.simulator.wire",
    "firmware_bridge.simulator.sensors",
    "firmware_bridge.kit.pen_time",
    "firmware_bridge.sources.link",
    "firmware_bridge.conformance",
    "firmware_bridge.conformance.capture",
    "firmware_bridge.conformance.framing",
    "firmware_bridge.conformance.judge",
    "firmware_bridge.conformance.numbers",
    "firmware_bridge.conformance.plan",
    "firmware_bridge.conformance.rule",
    "firmware_bridge.conformance.table",
    "firmware_bridge.conformance.talking",
    "firmware_bridge.conformance.timing",
    "firmware_bridge.conformance.trace",
    "firmware_bridge.sources.restarts",
    "firmware_bridge.sources.watch",
    "devicelog.canonical",
    "devicelog.errors",
    "devicelog.records",
    "devicelog.sensor_bytes",
    "devicelog.sessions",
    "devicelog.attribution",
    "devicelog.calibration",
    "devicelog.runs",
    "devicelog.steady",
    "devicelog.pen_clock",
    "devicelog.spans",
    "devicelog.needling",
    "devicelog.rules",
    "devicelog.rules.rule",
    "devicelog.rules.table",
    "devicelog.rules.depth",
    "devicelog.rules.counts",
    "devicelog.rules.data",
    "devicelog.rules.pen",
    "devicelog.tally",
    "devicelog.stirring",
    "devicelog.told",
    "devicelog.clinic_documents",
    "devicelog.account",
    "devicelog.counters",
    "devicelog.who",
    "devicelog.gaps",
    "devicelog.derive",
    "devicelog.validate",
    "devicelog.pins_side",
    "devicelog.rules.sensors",
    "devicelog.rules.rows_depth",
    "devicelog.rules.rows_pen",
    "devicelog.rules.rows_clinic",
    "devicelog.rules.limits",
    "devicelog.rules.clinic",
    "devicelog.rules.cartridges",
    "devicelog.rules.topicals",
    "devicelog.rules.unread",
    "devicelog.pipeline",
    "devicelog.samples",
    "devicelog.clinical.codes",
    "devicelog.clinical.keys",
    "devicelog.clinical.limits",
    "devicelog.clinical.plan",
    "devicelog.barcodes",
    "devicelog.barcodes.days",
    "devicelog.barcodes.gs1",
    "devicelog.barcodes.hibc",
    "devicelog.barcodes.reading",
    "devicelog.barcodes.scan",
    "devicelog.clinic",
    "devicelog.clinic.cartridges",
    "devicelog.clinic.people",
    "devicelog.clinic.roles",
    "devicelog.clinic.late",
    "devicelog.clinic.personal",
    "devicelog.clinic.signatures",
    "devicelog.clinic.session_fields",
    "devicelog.clinic.sitting",
    "devicelog.clinic.treated_zones",
    "devicelog.clinic.treatment",
    "devicelog.clinical.adverse",
    "devicelog.clinical.ascorbic",
    "devicelog.clinical.days",
    "devicelog.clinical.devices",
    "devicelog.clinical.dose",
    "devicelog.clinical.intervals",
    "devicelog.clinical.planned",
    "devicelog.clinical.scores",
    "devicelog.clinical.screening",
    "devicelog.clinical.suitability",
    "devicelog.clinical.tables",
    "devicelog.words",
    "devicelog.words.units",
    "devicelog.words.findings",
    "devicelog.words.planned",
    "devicelog.words.clinic",
    "devicelog.words.depths",
    "devicelog.words.session",
    "devicelog.words.stated",
    "devicelog.words.treated_zones",
    "devicelog.words.treatment",
    "devicelog.words.witnesses",
    "devicelog.ledger.base64_text",
    "devicelog.ledger.checkpoint",
    "devicelog.clinic.courses",
    "devicelog.clinic.visits",
    "devicelog.ledger.consistency",
    "devicelog.ledger.desk",
    "devicelog.ledger.entries",
    "devicelog.ledger.note",
    "devicelog.ledger.pin",
    "devicelog.ledger.proofs",
    "devicelog.ledger.signing",
    "devicelog.ledger.sshsig",
    "devicelog.ledger.tlog_proof",
    "devicelog.ledger.tree",
    "devicelog.packages",
    "devicelog.packages.member",
    "devicelog.packages.contents",
    "devicelog.ledger.witness",
    "devicelog.packages.redaction",
    "devicelog.packages.columns",
    "devicelog.packages.tables",
    "devicelog.packages.datapackage",
    "devicelog.packages.records_lines",
    "devicelog.packages.fhir",
    "devicelog.packages.fhir_values",
    "devicelog.packages.inspection",
    "devicelog.packages.inspection.document",
    "devicelog.packages.inspection.findings",
    "devicelog.packages.inspection.listening",
    "devicelog.packages.inspection.override_lines",
    "devicelog.packages.inspection.overrides",
    "devicelog.packages.inspection.page",
    "devicelog.packages.inspection.phrases",
    "devicelog.packages.inspection.sections",
    "devicelog.packages.inspection.signing",
    "devicelog.packages.inspection.streams",
    "devicelog.packages.inspection.tables",
    "devicelog.packages.inspection.times",
    "devicelog.packages.inspection.walk",
    "devicelog.packages.report",
    "devicelog.packages.report.facts",
    "devicelog.packages.report.html",
    "devicelog.packages.report.letters",
    "devicelog.packages.report.parts",
    "devicelog.packages.report.plot",
    "devicelog.packages.report.qr",
    "devicelog.packages.report.svg",
    "devicelog.store.mounts",
    "devicelog.store.projection",
    "devicelog.store.reading",
    "devicelog.recorder.idle",
    "devicelog.recorder.live",
    "devicelog.recorder.nobody",
    "devicelog.recorder.standing",
}
NOT_PURE = {
    *("serial", "gpiozero", "sqlalchemy", "click"),
    *("threading", "queue", "concurrent", "multiprocessing", "asyncio", "subprocess", "socket", "select", "signal"),
    *("time", "datetime", "locale", "os", "pathlib", "io", "tempfile", "shutil", "sqlite3", "logging", "importlib"),
    *("random", "secrets", "uuid"),
}

# Which rooms of devicelog each room may use. A room is a module or a package directly under devicelog.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "canonical": set(),
    "records": {"canonical", "sensor_bytes"},
    "sensor_bytes": set(),
    "sessions": {"errors", "records"},
    "attribution": {"canonical"},
    "calibration": {"canonical", "errors"},
    "runs": {"records"},
    "steady": {"canonical"},
    "pen_clock": {"canonical"},
    "spans": {"canonical", "runs"},
    "tally": {"canonical", "runs", "steady"},
    "told": {"canonical", "records"},
    "clinic_documents": {"canonical"},
    "account": {"canonical"},
    "counters": {"canonical", "runs"},
    "gaps": {"canonical", "runs"},
    "stirring": {"runs", "steady", "tally"},
    "needling": {"runs", "sessions", "spans", "steady", "stirring", "tally"},
    "derive": {
        *("account", "attribution", "canonical", "counters", "gaps", "needling", "pen_clock", "records", "runs"),
        *("sessions", "stirring", "tally", "told", "who"),
    },
    "who": {"canonical", "counters"},
    "rules": {"canonical", "sessions", "steady"},
    "validate": {"canonical", "rules"},
    "clinical": {"errors"},
    "barcodes": {"errors"},
    "pins_side": {"canonical", "derive", "records"},
    "pipeline": {
        *("attribution", "calibration", "canonical", "clinic_documents", "clinical", "counters", "derive"),
        *("pins_side", "records", "tally", "validate"),
    },
    "samples": {"account", "attribution", "canonical", "records", "sessions"},
    "words": {"canonical"},
    "ledger": {"canonical", "errors"},
    "store": {"canonical", "clinic", "errors", "ledger", "records"},
    "packages": {"canonical", "clinic", "errors", "ledger", "records", "samples", "sessions", "store", "words"},
    "control": {"canonical", "errors", "store"},
    "recorder": {
        *(
            "attribution",
            "calibration",
            "canonical",
            "clinic",
            "clinical",
            "control",
            "counters",
            "derive",
            "errors",
            "ledger",
            "packages",
            "pipeline",
            "records",
            "rules",
            "sensor_bytes",
            "sessions",
            "store",
            "who",
        ),
    },
    "clinic": {"canonical", "clinical", "ledger"},
    "desk": {
        *("barcodes", "canonical", "clinic", "clinical", "errors", "ledger", "recorder", "rules", "sessions", "store"),
    },
    "cli": {
        *("attribution", "calibration", "canonical", "clinical", "control", "errors", "ledger", "pipeline", "records"),
        *("clinic", "desk", "packages", "recorder", "rules", "samples", "sessions", "store", "validate", "verify"),
        "words",
    },
    "verify": set(),  # for auditors: it shares no line with what it judges
    "__main__": {"cli"},
}
# Which modules of firmware_bridge each room may use; what is not here may use none.
BRIDGE: dict[str, set[str]] = {
    "records": {"readings"},
    "sensor_bytes": {"readings"},
    "runs": {"readings"},
    "account": {"readings"},
    "counters": {"readings"},
    "gaps": {"readings"},
    "derive": {"frames", "readings"},
    "who": {"readings"},
    "calibration": {"calibration", "errors"},
    "pins_side": {"readings", "transports"},
    "pipeline": {"calibration", "profile", "readings", "sides", "transports"},
    "samples": {"calibration", "decode", "readings", "transports"},
    "recorder": {
        *("calibration", "conformance", "decode", "errors", "frames", "profile", "readings", "sides"),
        *("simulator", "sources", "transports", "wiring"),
    },
    "desk": {"readings"},
    "cli": {
        *("conformance", "errors", "frames", "lines", "profile", "profiles", "readings", "simulator", "sources"),
        *("transports", "wiring"),
    },
}
BRIDGE_ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "readings": set(),
    "frames": {"readings"},
    "sides": {"readings"},
    "decode": {"frames", "readings", "sides"},
    "calibration": {"errors", "readings"},
    "tables": {"errors"},
    "profile": {"errors", "line_format", "tables", "wiring"},
    "wiring": {"errors", "tables"},
    "checksums": set(),
    "expression": set(),
    "pace": set(),
    "line_format": {"checksums", "errors", "expression", "tables"},
    "line_reader": {"checksums", "expression", "line_format", "readings"},
    "lines": {"frames", "line_format", "line_reader", "pace", "readings", "sides"},
    "edges": {"profile", "readings", "sides", "wiring"},
    "transports": {"decode", "edges", "lines", "profile", "readings"},
    "profiles": {"errors", "profile", "tables"},
    "conformance": {"errors", "frames", "readings"},
    "sources": {"errors", "frames", "profile", "readings", "sides", "transports", "wiring"},
    "simulator": {"decode", "errors", "frames", "readings", "wiring"},
    "kit": {"errors", "frames", "profile", "profiles", "readings", "simulator", "sources", "transports", "wiring"},
    "pytest_plugin": {"kit"},
}
# The only importers of what talks to the world outside.
IMPORTERS = {
    "serial": {
        "firmware_bridge.sources.port",
        "firmware_bridge.sources.ports",
    },
    "gpiozero": {
        "firmware_bridge.sources.pin_watch",
        "firmware_bridge.sources.tones",
        "firmware_bridge.simulator.pins",
        "firmware_bridge.pytest_plugin",  # to leave the factory of others as it was
    },
    "sqlalchemy": {"devicelog.store"},
    "click": {"devicelog.cli"},
    "cobs": {"firmware_bridge.frames"},
    "rfc8785": {"devicelog.canonical"},
    "re2": {"firmware_bridge.expression"},
    "segno": {"devicelog.packages.report.qr"},
    "typst": {"devicelog.packages.report.pdf"},
    "cryptography": {"devicelog.ledger.keys"},
    "argon2": {"devicelog.desk.hashing"},
}


def files() -> Iterator[tuple[str, Path]]:
    """Every module's dotted name and its file."""
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *(part for part in parts if part != "__init__"))), path


MODULES = dict(files())


def imports_in(source: str) -> set[str]:
    """Every module that this source imports, wherever the import stands; `from a import b` gives `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.add("." * node.level)
            else:
                found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__":
            found.add("__import__")
    return found


IMPORTS = {name: imports_in(path.read_text("utf-8")) for name, path in MODULES.items()}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def rooms_used(module: str, package: str) -> set[str]:
    """The rooms of a package that a module imports from, its own apart."""
    names = {name for name in IMPORTS[module] if name.split(".")[0] == package}
    # `from devicelog import __version__` enters no room; `from devicelog.store import x` enters `store`
    rooms = {room_of(name) for name in names} - {"", "__version__"}
    return rooms - {room_of(module)} if module.split(".")[0] == package else rooms


each_module = pytest.mark.parametrize("module", MODULES)


# --- the walk itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os.path as p, json", {"os.path", "json"}),
        ("from random import Random", {"random", "random.Random"}),
        ("def f():\n    from time import sleep\n    import io", {"time", "time.sleep", "io"}),
        ("if TYPE_CHECKING:\n    from devicelog.store import x", {"devicelog.store", "devicelog.store.x"}),
        ("from . import x", {"."}),
        ("__import__('os')", {"__import__"}),
        ("x = 'import os'", set()),
    ],
)
def test_imports_are_found(source, found):
    assert imports_in(source) == found


def test_the_walk_sees_both_packages():
    assert {"devicelog", "firmware_bridge", "devicelog.store", "devicelog.cli.common"} <= MODULES.keys()
    assert "firmware_bridge.readings.SampleBlock" in IMPORTS["devicelog.derive"]
    assert MODULES.keys() >= PURE


# --- the rules --------------------------------------------------------------------------------------------------------


@each_module
def test_every_import_is_absolute(module):
    assert not {name for name in IMPORTS[module] if name.startswith((".", "__import__"))}


@each_module
def test_the_bridge_knows_nothing_of_devicelog(module):
    if module.startswith("firmware_bridge"):
        assert not {name for name in IMPORTS[module] if name.split(".")[0] == "devicelog"}


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_imports_nothing_that_is_not_pure(module):
    tops = {name.split(".")[0] for name in IMPORTS[module]}
    if {"random", "random.Random"} == {name for name in IMPORTS[module] if name.split(".")[0] == "random"}:
        tops.remove("random")  # a seeded generator; the module's own functions share one that is not
    assert not tops & NOT_PURE
    ours = {name for name in IMPORTS[module] if name in MODULES and name not in PACKAGES}
    assert ours <= PURE, "a pure module rests on pure modules"


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_calls_nothing_that_opens_or_prints(module):
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input", "exec", "eval", "breakpoint"}


@pytest.mark.parametrize("library", IMPORTERS)
def test_what_talks_to_the_world_has_one_importer(library):
    importers = {module for module, names in IMPORTS.items() if library in {name.split(".")[0] for name in names}}
    strangers = {
        module
        for module in importers
        if not any(module == allowed or module.startswith(allowed + ".") for allowed in IMPORTERS[library])
    }
    assert not strangers
    assert bool(importers) == bool(IMPORTERS[library])


@each_module
def test_who_may_use_which_room(module):
    if module == "devicelog":
        assert not rooms_used(module, "devicelog")
    elif module.startswith("devicelog."):
        assert rooms_used(module, "devicelog") <= ROOMS[room_of(module)]
        assert rooms_used(module, "firmware_bridge") <= BRIDGE.get(room_of(module), set())
    elif module != "firmware_bridge":
        assert rooms_used(module, "firmware_bridge") <= BRIDGE_ROOMS[room_of(module)]


def test_every_arrow_in_the_tables_is_used():
    for table, package, of in (
        (ROOMS, "devicelog", "devicelog"),
        (BRIDGE, "devicelog", "firmware_bridge"),
        (BRIDGE_ROOMS, "firmware_bridge", "firmware_bridge"),
    ):
        used: dict[str, set[str]] = {room: set() for room in table}
        for module in MODULES:
            if module.split(".")[0] == package and room_of(module) in used:
                used[room_of(module)] |= rooms_used(module, of)
        unused = {room: table[room] - used[room] for room in table if table[room] - used[room]}
        assert not unused, f"{package} to {of}"


def test_the_arrows_do_not_go_round():
    for table in (ROOMS, BRIDGE_ROOMS):
        left = {room: set(uses) for room, uses in table.items()}
        while left:
            ready = {room for room, uses in left.items() if not uses & left.keys()}
            assert ready, f"these use each other: {sorted(left)}"
            left = {room: uses for room, uses in left.items() if room not in ready}


# --- modules ----------------------------------------------------------------------------------------------------------


@each_module
def test_every_module_says_what_it_is_for(module):
    docstring = ast.get_docstring(ast.parse(MODULES[module].read_text("utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", "?", ":")), "the first line is a sentence"


# --- the command line -------------------------------------------------------------------------------------------------

HEAVY = ("sqlalchemy", "serial", "starlette", "uvicorn", "jinja2", "gpiozero", "cryptography", "segno", "typst", "biip")


@pytest.mark.parametrize(
    "program",
    [
        "import devicelog.cli",
        "from devicelog.cli import run; assert run(['--help']) == 0",
        "from devicelog.cli import run; assert run([]) == 2",
        "from devicelog.cli import run; assert run(['version']) == 0",
        "from devicelog.cli import run; assert run(['record', '--help']) == 0",
        "from devicelog.cli import run; assert run(['demo', '--help']) == 0",
        "from devicelog.cli import run; assert run(['sessions', '--help']) == 0",
        "import devicelog.pipeline, devicelog.samples",
        "import devicelog.barcodes.reading",
        "import devicelog.packages.report.html, devicelog.packages.report.pdf",
        "import devicelog.ledger.keys, devicelog.ledger.pin, devicelog.ledger.tlog_proof",
        "import firmware_bridge.decode, firmware_bridge.profiles",
        "import firmware_bridge.sources.gpio, firmware_bridge.sources.both, firmware_bridge.simulator.sensors",
    ],
)
def test_heavy_things_load_late(program):
    report = (
        f"import sys, json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}\n{report}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and group with its whole name."""
    pending: list[tuple[str, click.Command]] = [("devicelog", cli)]
    while pending:
        name, command = pending.pop()
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for word in command.list_commands(context):
                under = command.get_command(context, word)
                assert under is not None
                pending.append((f"{name} {word}", under))


COMMANDS = dict(commands())


def test_the_commands_are_found():
    assert {"devicelog demo", "devicelog sessions show", "devicelog pens simulate"} <= COMMANDS.keys()


def test_the_list_of_commands_says_what_their_help_says():
    said = {name: words for name, (_, words) in _COMMANDS.items()}
    for name, words in said.items():
        assert " ".join((COMMANDS[f"devicelog {name}"].help or "").split()).startswith(words), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    command = COMMANDS[name]
    assert command.help
    assert command.get_short_help_str(200).endswith(".")
    options = [option for option in command.params if isinstance(option, click.Option)]
    # a choice shows what can be chosen
    assert not [option.name for option in options if not option.help and not isinstance(option.type, click.Choice)]
