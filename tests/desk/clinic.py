"""A clinic's desk for tests: a database with two sessions of one client, and the command line in this process."""

import io
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import Json
from devicelog.cli import run
from devicelog.clinical.data import load_plan
from devicelog.desk.acts import perform
from devicelog.desk.entering import enter
from devicelog.ledger.entries import Actor
from devicelog.recorder.access import alone
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from tests.databases import CLIENT, make_database
from tests.e2e.running import Ended, shared

KM = Actor(id="KM", role="practitioner")


def _make(folder: Path) -> None:
    make_database(folder / "data")


class Desk:
    """One data directory, and whoever works there."""

    def __init__(self, factory: pytest.TempPathFactory, tmp_path: Path) -> None:
        made = shared(factory, "desk", _make)
        self.data_dir = Path(shutil.copytree(made / "data", tmp_path / "data"))
        self.path = self.data_dir / FILE_NAME
        with Evidence(self.path) as evidence:
            self.ref = str(evidence.client_ref(CLIENT))

    def run(self, *words: str) -> Ended:
        """A command here, its data directory added."""
        return self.run_bare(*words, "--data-dir", str(self.data_dir))

    @staticmethod
    def run_bare(*words: str) -> Ended:
        """A command here, as it is."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*words])
        return Ended(code=code, stdout=out.getvalue(), stderr=err.getvalue())

    def told(self, *words: str) -> Json:
        """What a command says as JSON."""
        return self.run(*words, "--json").succeeded().json()

    def act(self, name: str, **request: object) -> Json:
        """An act by KM."""
        return perform(self.data_dir, {"do": name, "by": "KM", **request})

    def visit(self, client: str = CLIENT) -> str:
        """A visit is opened."""
        plan = load_plan("full-face").document()
        return str(self.act("visit.open", client=client, practitioner="KM", plan=plan)["visit"])

    def entered(self, type_: str, told: Json, **more: Any) -> None:
        """An entry of the desk about the client."""
        with alone(self.data_dir) as access:
            access.append(
                lambda transaction: enter(transaction, type_, actor=KM, told=told, client_ref=self.ref, **more)
            )

    def joined(self, visit: str, session: str) -> None:
        """A session becomes a part of a visit."""
        self.entered("visit.joined", {}, stream=session, visit=visit)

    def entries(self) -> bytes:
        """The bytes of every entry and every document."""
        with Evidence(self.path) as evidence:
            every = evidence.connection.exec_driver_sql(
                "SELECT bytes FROM ledger_entry UNION ALL SELECT bytes FROM document"
            )
            return b"\n".join(row[0] for row in every)

    def size(self) -> int:
        """How many entries there are."""
        with Evidence(self.path) as evidence:
            return int(evidence.connection.exec_driver_sql("SELECT count(*) FROM ledger_entry").scalar_one())
