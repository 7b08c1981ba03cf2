"""Which limits hold here for a plan: the shipped table under the clinic's own, for its indication and a device."""

from devicelog.canonical import Json
from devicelog.clinical.data import load_limits, load_zones
from devicelog.clinical.limits import Overlay, resolve
from devicelog.clinical.plan import Plan
from devicelog.desk.adopting import overlay
from devicelog.store.evidence import Evidence

MECHANICAL = "mechanical"


def limits_document(evidence: Evidence, plan: Plan, device: str | None = None) -> Json:
    """The document `limits` of a session by this plan.

    Of an indication that the table does not have there is no recommended range, and the hard maxima of any hold.
    """
    return _resolved(plan, device, overlay(evidence))


def limits_shipped(plan: Plan, device: str | None = None) -> Json:
    """The same by the shipped table alone: for a session that opens while the clinic's own limits cannot be read."""
    return _resolved(plan, device, None)


def _resolved(plan: Plan, device: str | None, own: Overlay | None) -> Json:
    return resolve(
        load_limits(),
        load_zones(),
        indication=plan.indication,
        modality=MECHANICAL,  # no other pen is recorded, whatever a plan says
        device=device,
        overlay=own,
    )
