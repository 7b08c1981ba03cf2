"""Topicals: what is in stock, and what was used at a visit. For traceability alone: never how much reached the skin."""

from devicelog.barcodes.days import day_of_text
from devicelog.canonical import Json
from devicelog.clinic.cartridges import same_text
from devicelog.clinical.ascorbic import WARNING, has_ascorbic
from devicelog.clinical.plan import suggest
from devicelog.desk.cartridges import expiry_words
from devicelog.desk.entering import done, enter, new_id
from devicelog.desk.naming import check_nobody_named
from devicelog.desk.places import entries_at, place_of
from devicelog.desk.visits import session_of_visit
from devicelog.desk.who import actor_of
from devicelog.errors import NotFound, UsageProblem
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_note
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type

WHEN = ("before", "during", "after")
_MOST_TEXT, _MOST_INGREDIENTS = 120, 60
_NOTED = ("stock", "product", "lot", "expires", "ingredients", "when", "patch_test")


def stock_of(evidence: Evidence) -> list[Json]:
    """What is in stock, oldest first: what was told of each, when and by whom."""
    return [
        {**_flagged(entry.body["told"]), "at": entry.values["at"], "by": entry.values["actor"]["id"]}
        for entry in of_type(evidence, "topical.stocked")
    ]


def topicals_of(evidence: Evidence, name: str) -> list[Json]:
    """The topicals of a visit, or of a session without one, as the document `clinic` has them."""
    entries = entries_at(evidence, name, "topical.noted")
    return [_flagged({key: entry.body["told"][key] for key in _NOTED}) for entry in entries]


def _flagged(told: Json) -> Json:
    return {**told, "ascorbic": has_ascorbic(told["product"], told["ingredients"])}


def stock_topical(access: Access, request: Json) -> Json:
    """From `product`, `lot`, `expires`, `ingredients` (a list), the last three perhaps null; `by`."""
    told = {"stock": new_id("t"), **_product(request)}
    stamp = RecorderClock().stamp()
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        check_nobody_named(evidence, _texts(told))
    entry = done(access, lambda transaction: enter(transaction, "topical.stocked", actor=actor, told=told))
    return {**told, "entry": entry.seq, "warnings": _warnings(told, stamp)}


def note_topical(access: Access, request: Json) -> Json:
    """From `stock` (an id, its beginning, or the name of a product), `when`, `visit` or `session`, perhaps `patch_test`
    (true, false or null: not recorded); `by`."""
    when, patch_test = request.get("when"), request.get("patch_test")
    if when not in WHEN:
        raise UsageProblem(f"--when is one of {', '.join(WHEN)}, not {when!r}.{suggest(str(when), WHEN)}")
    if not isinstance(patch_test, bool | None):
        raise UsageProblem("a patch test was made, or was not: yes or no")
    stamp = RecorderClock().stamp()
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        found = place_of(evidence, request)
        product = _in_stock(stock_of(evidence), request.get("stock"))
        place = found.place
        stream = place.stream
        if stream is None and place.visit is not None and (when != "before" or found.ended):
            stream = session_of_visit(evidence, place.visit)  # no session comes that would name it at its opening
        check_nobody_named(evidence, _texts(product))
    told = {key: product[key] for key in _NOTED[:5]} | {"when": when, "patch_test": patch_test}
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            "topical.noted",
            actor=actor,
            told=told,
            stream=stream,
            visit=place.visit,
            client_ref=found.client_ref,
        ),
    )
    warnings = _warnings(told, stamp)
    if found.ended:
        warnings.append(f"{place.visit} is closed: entered afterwards")
    return {**told, "visit": place.visit, "session": stream, "entry": entry.seq, "warnings": warnings}


ACTS: dict[str, Act] = {"stock_topical": stock_topical, "note_topical": note_topical}


def _product(request: Json) -> Json:
    product, lot, expires = (request.get(key) for key in ("product", "lot", "expires"))
    ingredients = request.get("ingredients")
    if not isinstance(product, str) or not isinstance(lot, str | None) or not isinstance(expires, str | None):
        raise UsageProblem("a product in stock has a name (--product), and perhaps a lot and an expiry date, as texts")
    if ingredients is not None and not (
        isinstance(ingredients, list) and all(isinstance(each, str) for each in ingredients)
    ):
        raise UsageProblem("ingredients are a list of names")
    if ingredients is not None and len(ingredients) > _MOST_INGREDIENTS:
        raise UsageProblem(f"{len(ingredients)} ingredients; at most {_MOST_INGREDIENTS}")
    return {
        "product": _text(product, "product"),
        "lot": None if lot is None else _text(lot, "lot"),
        "expires": None if expires is None else day_of_text(expires),
        "ingredients": [_text(each, "ingredient") for each in ingredients] if ingredients else None,
    }


def _texts(told: Json) -> list[tuple[str, str | None]]:
    return [(key, told[key]) for key in ("product", "lot")] + [
        ("ingredient", each) for each in told["ingredients"] or ()
    ]


def _text(text: str, what: str) -> str:
    text = check_note(text, what)
    if len(text) > _MOST_TEXT:
        raise UsageProblem(f"the {what} has {len(text)} characters; at most {_MOST_TEXT}")
    return text


def _in_stock(stock: list[Json], name: object) -> Json:
    """The newest of this id or product. Raises NotFound where none is it, or several are."""
    if not isinstance(name, str) or not name:
        raise UsageProblem("name the product: --stock ID, from `devicelog stock list`")
    found = [each for each in stock if each["stock"] == name] or [
        each for each in stock if each["stock"].startswith(name) or same_text(each["product"], name)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{each['stock']} (lot {each['lot'] or 'not recorded'})" for each in found)
        raise NotFound(f"{name!r} can be several: {ids}. Name one by its id")
    known = [text for each in stock for text in (each["stock"], each["product"])]
    raise NotFound(f"there is no {name!r} in stock; `devicelog stock list` shows what is.{suggest(name, known)}")


def _warnings(told: Json, stamp: Json) -> list[str]:
    ingredients = told["ingredients"] or []
    warnings = [f"{told['product']} {WARNING}"] if has_ascorbic(told["product"], ingredients) else []
    if told["lot"] is None:
        warnings.append("no lot is recorded: it cannot be traced")
    if not ingredients:
        warnings.append("no ingredients are recorded: whether ascorbic acid is among them is not known")
    return warnings + expiry_words(told["expires"], stamp)
