"""One recorded session handed out and checked: CPU and memory of the export, of its package and of the bag.

`python -m bench.handing_out DATA_DIR TARGET`. The data directory is what `bench.hour` left. Each is a process of its
own, as somebody types it; imports are counted.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.measure import spent

SHAPES = "bag,csv,jsonl,fhir,html"
VERIFIER = "src/devicelog/verify.py"
_CHECK = (
    "import sys; from pathlib import Path; from devicelog.packages.reading import PackageEvidence\n"
    "with PackageEvidence(Path(sys.argv[1])) as package: package.check()"
)


def main(data_dir: Path, target: Path) -> dict[str, Any]:
    """CPU seconds and peak MB of each."""
    [package] = (data_dir / "packages").glob("*.package.zip")
    session, pin, bag = package.name.partition(".")[0], target / "pin", target / "bag"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    spent("-m", "devicelog", "checkpoint", "key", "--to", str(pin), "--data-dir", str(data_dir))
    words = ["-m", "devicelog", "export", session, "--to", str(bag), "--format", SHAPES, "--data-dir", str(data_dir)]
    told = {
        "export": spent(*words),
        "verify.py": spent("-I", "-S", VERIFIER, str(package), "--key", str(pin)),
        "package": spent("-c", _CHECK, str(package)),
        "bag": spent("-I", "-S", VERIFIER, str(bag), "--key", str(pin)),
    }
    shutil.rmtree(target)
    return told


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
