"""Who may do what: one table of roles and actions, and which actions want a PIN. Pure.

Recording is everybody's and never wants a PIN. Not responsible for who somebody is (people.py), nor for whether a PIN
fits (desk/pins.py).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Role = Literal["practitioner", "reviewer", "auditor", "admin", "unregistered"]
Action = Literal[
    "record",
    "desk",
    "override",
    "amend",
    "attribute",
    "explain",
    "enter",
    "sign.performed",
    "sign.reviewed",
    "sign.approved",
    "read",
    "verify",
    "export",
    "erase",
    "retention",
    "people",
    "pin.own",
    "pin.reset",
    "adopt",
]

ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)
# An id that nobody registered, as a clinic without a list of people has them. There it may what it always could; once
# there is an admin, record, read, verify and export.
UNREGISTERED: Role = "unregistered"
ASSIGNABLE: tuple[Role, ...] = tuple(role for role in ROLES if role != UNREGISTERED)

_CLINICAL = frozenset({"practitioner", "reviewer"})
_EVERYBODY = frozenset(ROLES)
_REGISTERED = frozenset(ASSIGNABLE)

# Every action, and who may do it. Words for a person are in SAYS.
ALLOWED: Mapping[Action, frozenset[str]] = MappingProxyType(
    {
        "record": _EVERYBODY,  # nothing stops a recording: the entry says the role
        "desk": _CLINICAL | {"admin"},
        "override": _CLINICAL,
        "amend": _CLINICAL,
        "attribute": _CLINICAL,
        "explain": _CLINICAL,
        "enter": _CLINICAL,
        "sign.performed": frozenset({"practitioner", "reviewer"}),
        "sign.reviewed": frozenset({"practitioner", "reviewer"}),
        "sign.approved": frozenset({"reviewer"}),
        "read": _EVERYBODY,
        "verify": _EVERYBODY,
        "export": _EVERYBODY,
        "erase": _CLINICAL | {"admin"},
        "retention": _CLINICAL | {"admin"},
        "people": frozenset({"admin"}),
        "pin.own": _REGISTERED,
        "pin.reset": frozenset({"admin"}),
        "adopt": frozenset({"reviewer", "admin"}),
    }
)
SAYS: Mapping[Action, str] = MappingProxyType(
    {
        "record": "record a session and make marks in it",
        "desk": "prepare at the desk: screening, consent, cartridges, stock, visits, courses",
        "override": "go on against a warning, with a reason",
        "amend": "amend a session's record",
        "attribute": "correct a session's zones or client",
        "explain": "explain a finding",
        "enter": "enter a session from paper",
        "sign.performed": "sign as performed",
        "sign.reviewed": "sign as reviewed",
        "sign.approved": "sign as approved",
        "read": "read",
        "verify": "verify",
        "export": "export",
        "erase": "erase a client",
        "retention": "set how long texts are kept",
        "people": "add, change and retire people",
        "pin.own": "set a PIN of one's own",
        "pin.reset": "reset somebody else's PIN",
        "adopt": "adopt limits and plans for the clinic",
    }
)
# A signature by what it means.
SIGNING: Mapping[str, Action] = MappingProxyType(
    {"performed": "sign.performed", "reviewed": "sign.reviewed", "approved": "sign.approved"}
)
WANTS_PIN: frozenset[Action] = frozenset(
    {"sign.performed", "sign.reviewed", "sign.approved", "people", "pin.own", "pin.reset", "adopt"}
)
# What anybody may while there is no admin, or there never would be one. The entry says `auth: none`.
UNTIL_ADMIN: frozenset[Action] = frozenset({"people", "adopt"})
# What an id that nobody registered may besides while there is none: all that a clinic without a list does.
WITHOUT_A_LIST: frozenset[Action] = frozenset(
    {"desk", "override", "amend", "attribute", "explain", "enter", "erase", "retention"}
)


def may(role: str, action: Action, *, has_admin: bool = True) -> bool:
    """Whether this role may do this. `has_admin`: whether the clinic has one.

    An unknown role may only what everybody may.
    """
    allowed = ALLOWED[action]
    if role in allowed or allowed == _EVERYBODY:
        return True
    return not has_admin and (action in UNTIL_ADMIN or (role == UNREGISTERED and action in WITHOUT_A_LIST))


def wants_pin(action: Action, *, has_admin: bool = True) -> bool:
    """Whether it is done with a PIN alone."""
    return action in WANTS_PIN and (has_admin or action not in UNTIL_ADMIN)


def who_may(action: Action) -> str:
    """The roles that may do it, in words: those that somebody can be given."""
    named = (role for role in ASSIGNABLE if role in ALLOWED[action])
    return " or ".join(f"{'an' if role[0] in 'aeiou' else 'a'} {role}" for role in named)


def refused(who: str, role: str, action: Action, *, has_admin: bool) -> str:
    """Why this id of this role may not, and what would let it go on."""
    if role == UNREGISTERED:
        how = "an admin adds people" if has_admin else "the first one to add is an admin"
        return f"{who} is not registered, and to {SAYS[action]} is for {who_may(action)}: `practitioners add` ({how})"
    return f"{who} is registered as {role}, and to {SAYS[action]} is for {who_may(action)}: let one of these do it"
