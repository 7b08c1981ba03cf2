"""The logger that people write first: readline, NMEA, an ORM object per sample, a commit a second.

`python -m bench.orm_logger PORT DATABASE SAMPLES`. It says `ready`, `done` when it has so many samples on disk, and
stays until its input ends. As durable as ours: WAL, synchronous = FULL.
"""

import os
import sys
import time

import serial
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench import nmea


class Base(DeclarativeBase):
    """The ORM's."""


class Sample(Base):
    """One row per sample."""

    __tablename__ = "sample"

    id: Mapped[int] = mapped_column(primary_key=True)
    session: Mapped[str] = mapped_column(index=True)
    seq: Mapped[int]
    t_us: Mapped[int]
    depth_um: Mapped[int]
    raw_count: Mapped[int]
    frequency_dhz: Mapped[int]
    contact: Mapped[int]


def main(port: str, path: str, samples: int) -> None:
    """Read, parse, add; commit each second."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _connect(connection: object, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[attr-defined]
        connection.execute("PRAGMA synchronous = FULL")  # type: ignore[attr-defined]

    Base.metadata.create_all(engine)
    n, commit_s = 0, time.monotonic() + 1
    with Session(engine) as session, serial.Serial(port, 115200) as line:
        print("ready", flush=True)
        while n < samples:
            row = nmea.read(line.readline().decode("ascii"))
            session.add(Sample(session="s-7k3m9q2xwd", **row._asdict()))
            n += 1
            if time.monotonic() >= commit_s:
                session.commit()
                commit_s += 1
        session.commit()
        print("done", flush=True)
        os.read(0, 100)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
