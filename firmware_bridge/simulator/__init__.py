"""The pen we ship: physics apart from protocol, real frames into a real pty. The only fake is at the wire.

`python -m firmware_bridge.simulator --link PATH` is a pen in another process. Its frames say `demo`, and can never
pass for real ones. What goes wrong is written in the language of docs/scenarios.md.
"""

from firmware_bridge.simulator.language import parse_scenario
from firmware_bridge.simulator.library import bytes_of, load_scenario, scenario_names, script_for, wire_of
from firmware_bridge.simulator.run import run_pen
from firmware_bridge.simulator.scenario import Scenario, ScenarioError
from firmware_bridge.simulator.script import Script, ScriptMark

__all__ = [
    "Scenario",
    "ScenarioError",
    "Script",
    "ScriptMark",
    "bytes_of",
    "load_scenario",
    "parse_scenario",
    "run_pen",
    "scenario_names",
    "script_for",
    "wire_of",
]
