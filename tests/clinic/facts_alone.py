"""The treatment record of a session of which its derived facts alone are known."""

from typing import Any

from devicelog.clinic.session_fields import Session
from devicelog.clinic.treatment import treatment


def record_of(facts: Any, **more: Any) -> Any:
    """The treatment record of a session of which these facts alone are known."""
    nothing: dict[str, Any] = {"opening": {}, "documents": {}, "findings": [], "notes": [], "entries": []}
    given = {**nothing, "texts": lambda _: None, "client_ref": None, "client_code": None, **more}
    return treatment(Session(facts=facts, **given))
