"""The units that start the signer: systemd's own judgement where it is here, and what they promise in any case."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devicelog.ledger.asking import SOCKET

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
NAMES = ("devicelog-signer.socket", "devicelog-signer.service")


def unit(name: str) -> configparser.ConfigParser:
    """A unit as a table; a key may stand twice, as systemd allows."""
    parser = configparser.ConfigParser(strict=False, delimiters="=", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser


def test_systemd_finds_nothing_wrong(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is missing: sudo apt install systemd")
    for name in NAMES:  # the program of this installation in place of the one in /opt
        text = (UNITS / name).read_text().replace("/opt/devicelog/bin/python", sys.executable)
        (tmp_path / name).write_text(text)
    done = subprocess.run((program, "verify", *(tmp_path / name for name in NAMES)), capture_output=True, text=True)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "devicelog" in line]
    assert ours == []
    (tmp_path / NAMES[1]).write_text((tmp_path / NAMES[1]).read_text().replace("PrivateTmp=yes", "PrivateTmp=maybe"))
    done = subprocess.run((program, "verify", tmp_path / NAMES[1]), capture_output=True, text=True)
    assert f"{NAMES[1]}:" in done.stdout + done.stderr, "it would have said so"


def test_the_socket_is_where_it_is_looked_for_and_open_to_its_group_alone():
    said = unit("devicelog-signer.socket")["Socket"]
    assert said["ListenStream"] == str(SOCKET)
    assert (said["SocketGroup"], said["SocketMode"], said["Accept"]) == ("devicelog", "0660", "no")


def test_the_service_runs_the_module_as_a_user_of_its_own_without_network():
    said = unit("devicelog-signer.service")["Service"]
    assert said["ExecStart"].split()[1:] == ["-P", "-m", "devicelog.ledger.signer"]
    assert said["User"] == said["StateDirectory"] == "devicelog-signer"
    assert said["StateDirectoryMode"] == "0700"
    for key in ("PrivateNetwork", "PrivateTmp", "ProtectHome", "NoNewPrivileges"):
        assert said[key] == "yes"
    assert said["ProtectSystem"] == "strict"
    assert said["CapabilityBoundingSet"] == ""
