"""The pen we ship: physics apart from protocol, real frames into a real pty. The only fake is at the wire.

`python -m firmware_bridge.simulator --link PATH` is a pen in another process. Its frames say `demo`, and can never
pass for real ones.
"""

from firmware_bridge.simulator.run import run_pen
from firmware_bridge.simulator.script import SCENARIOS, Script, ScriptMark, script_for

__all__ = ["SCENARIOS", "Script", "ScriptMark", "run_pen", "script_for"]
