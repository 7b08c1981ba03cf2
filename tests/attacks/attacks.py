"""What is done to a history: each attack changes the list of entries, or the signed heads over it.

Entry 4 opens the first session, 8 and 10 are its pause; 24 seals the second one, and the witness holds 25 entries. 25
names its package, 26 corrects the first session, 27 says that nothing else came later.
"""

from tests.attacks.attacker import History, Row
from tests.databases import FIRST, SECOND


def edit_behind(history: History) -> None:
    history.rows[4].body["practitioner"] = "p-99"


def edit_after(history: History) -> None:
    history.rows[26].values["actor"]["id"] = "p-99"


def delete_behind(history: History) -> None:
    del history.rows[10]


def delete_after(history: History) -> None:
    del history.rows[26]


def swap_behind(history: History) -> None:
    history.rows[8], history.rows[10] = history.rows[10], history.rows[8]


def insert_back_dated(history: History) -> None:
    values = history.rows[1].values | {"at": "2030-12-31T00:00:00.000Z", "nonce": "00" * 16}
    history.rows.insert(2, Row(values))


def truncate_behind(history: History) -> None:
    del history.rows[24:]
    del history.heads[1:]


def truncate_after(history: History) -> None:
    del history.rows[26:]
    del history.heads[4:]


def new_log(history: History) -> None:
    """Another beginning under the same name."""
    history.rows[0].values["nonce"] = "11" * 16


def move_seal(history: History) -> None:
    history.claims_stay = True
    history.rows[24].body["stream"] = FIRST


def swap_seals(history: History) -> None:
    history.claims_stay = True
    for seq, other in ((21, SECOND), (24, FIRST)):
        history.rows[seq].body["stream"] = other


def move_statement(history: History) -> None:
    history.claims_stay = True
    history.rows[27].body["stream"] = SECOND


def move_correction(history: History) -> None:
    history.rows[26].body["stream"] = SECOND


def change_head(history: History) -> None:
    """One that says another root, under the signature of the true one."""
    size, note = history.heads[1]
    lines = note.split(b"\n")
    lines[2] = history.heads[0][1].split(b"\n")[2]
    history.heads[1] = (size, b"\n".join(lines))


def head_of_another_size(history: History) -> None:
    history.heads[1] = (history.heads[1][0] - 1, history.heads[1][1])


def drop_a_head(history: History) -> None:
    del history.heads[4]


def drop_the_witness(history: History) -> None:
    """The row that bears the witness's signature."""
    del history.heads[2]


def drop_all_heads(history: History) -> None:
    history.heads.clear()


def strip_and_edit(history: History) -> None:
    """What says that there were seals and signed heads goes with them."""
    edit_behind(history)
    drop_all_heads(history)
    history.rows = [row for row in history.rows if not row.values["type"].startswith(("stream.", "package."))]
