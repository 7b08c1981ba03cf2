"""`ssh-keygen` as tests ask it: what it signs, and what it says of a signature."""

import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.ledger.signers import private_key
from tests.oracles import needed


def ssh_signs(folder: Path, number: int, message: bytes, namespace: str, *options: str) -> bytes:
    """The signature file that `ssh-keygen -Y sign` writes with the key of this number."""
    key = folder / f"key-{number}"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(private_key(number).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (folder / "signed").write_bytes(message)
    (folder / "signed.sig").unlink(missing_ok=True)
    command = [needed("ssh-keygen"), "-Y", "sign", "-q", "-f", key, "-n", namespace, *options, folder / "signed"]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "signed.sig").read_bytes()


def ssh_verifies(
    folder: Path, pin: str, *, identity: str, message: bytes, signature: bytes, namespace: str = "devicelog-bag"
) -> bool:
    """What `ssh-keygen -Y verify` says with this text as its file of allowed signers."""
    (folder / "pin.txt").write_text(pin)
    (folder / "signature").write_bytes(signature)
    command = [needed("ssh-keygen"), "-Y", "verify", "-f", folder / "pin.txt", "-I", identity, "-n", namespace]
    done = subprocess.run([*command, "-s", folder / "signature"], input=message, capture_output=True)
    assert (b"Good " in done.stdout) == (done.returncode == 0), done
    return done.returncode == 0


def ssh_fingerprint(folder: Path, key: str) -> str:
    """What `ssh-keygen -l` calls a public key."""
    (folder / "key.pub").write_text(f"{key}\n")
    command = [needed("ssh-keygen"), "-l", "-f", folder / "key.pub"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]
