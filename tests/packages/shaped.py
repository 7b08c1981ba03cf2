"""Sessions as `sessions show --json` gives them, for the shapes of an export: recorded ones, and others."""

from dataclasses import replace
from pathlib import Path

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.cli.report import show_document
from devicelog.ledger.keys import SigningKey
from devicelog.ledger.pin import BAG_NAMESPACE
from devicelog.ledger.sshsig import armoured, to_be_signed
from devicelog.packages.bag import Sign
from devicelog.pipeline import Pipeline
from devicelog.store.evidence import Evidence
from tests.builders import PROFILE, Bench, opening_of, plan_with, planned
from tests.make_golden import evidence_of
from tests.scenario_runs import _opening

LOG = "devicelog/00112233445566778899aabbccddeeff"
SOFTWARE = "devicelog 0.4.0"
HIBC = "+A99912345/$$52001510X3"  # a bar code as it stands on a cartridge: a spreadsheet takes it for a formula


def documents(path: Path, *streams: str) -> list[Json]:
    """What is shown of these streams, or of all, of a database."""
    with Evidence(path) as evidence:
        named = streams or [row["id"] for row in evidence.streams()]
        return [show_document(evidence, stream) for stream in named]


def session_of(
    derived: bytes, /, *, stream: str = "s-7k3m9q2xwd", client: str | None = "K-1047", **changes: object
) -> Json:
    """A session that ended with this derived record."""
    record = parse_canonical(derived)
    facts = record["facts"]
    return {
        "schema": "devicelog.session/1",
        "id": stream,
        "kind": record["kind"],
        "status": facts["ended"],
        "verdict": record["verdict"],
        "opened_at": "2031-01-01T10:00:00.000Z",
        "closed_at": "2031-01-01T10:20:00.250Z",
        "client": client,
        "client_ref": "c-0011223344556677",
        "practitioner": "p-07",
        "auth": "none",
        "plan": {"id": "full-face", "label": "Full face", "indication": "hyperpigmentation"},
        "plan_zones": [],
        "engine": record["engine"],
        "derived": "00" * 32,
        "derivation": 1,
        "derivations": 1,
        "attribution": None,
        "findings": record["findings"],
        "assessments": record["assessments"],
        "notes": [],
        **facts,
        **changes,
    }


def of_scenario(scenario: str, *, seconds: float = 8, seed: int = 1, ended: bool = True, **changes: object) -> Json:
    """A session of the simulated pen; `ended` False: the power went."""
    records = evidence_of(scenario, seconds, seed)
    pipeline = Pipeline(_opening(records))
    for record in records if ended else records[:-1]:
        pipeline.feed(record)
    return session_of(pipeline.finish(), **changes)


def of_pen(
    *, without: tuple[str, ...] = (), measures: tuple[str, ...] = PROFILE.measures, turns: int = 5, **changes: object
) -> Json:
    """A real pen on the forehead for a second, then a zone that was only turned to.

    `measures`: what this kind of pen has; `without`: what did not come. `turns`: of 20 samples each.
    """
    bench = Bench(opening_of(plan=plan_with(planned("forehead", 400)), profile=replace(PROFILE, measures=measures)))
    bench.zone("forehead")
    if "passes" in without:
        bench.passes = bench.strokes = None
    contact = None if "contact" in without else "1" * 20
    depth = None if "depth" in without else 300
    frequency = None if "frequency" in without else 1_000
    for _ in range(turns):
        bench.samples(contact, n=20, depth=depth, frequency=frequency)
    bench.zone("chin")
    return session_of(canonical(bench.end()), **changes)


def signing(folder: Path) -> tuple[SigningKey, Sign]:
    """A key for bags, and what signs with it."""
    key = SigningKey.create(folder / "keys" / "bags")

    def sign(sha512: bytes) -> bytes:
        return armoured(key.public, key.sign(to_be_signed(sha512, BAG_NAMESPACE)), BAG_NAMESPACE)

    return key, sign
