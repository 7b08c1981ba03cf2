"""Slow syncs for a process: a small library that is preloaded, made with the C compiler where there is one."""

import os
import shutil
import subprocess
from pathlib import Path

COMPILER = shutil.which("cc") or shutil.which("gcc")
_SOURCE = Path(__file__).with_name("slow_disk.c")


def slow_disk(directory: Path, sync_ms: int) -> dict[str, str]:
    """The environment of a process whose syncs each take so much longer. Raises RuntimeError without a compiler."""
    if COMPILER is None:
        raise RuntimeError("no C compiler (cc, gcc): syncs cannot be made slow here")
    library = directory / "slow_disk.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True)
    before = [os.environ["LD_PRELOAD"]] if "LD_PRELOAD" in os.environ else []
    return {"LD_PRELOAD": ":".join([str(library), *before]), "SLOW_SYNC_MS": str(sync_ms)}
