"""What a signer signs: extensions of what it signed, and nothing that would make two histories of one log."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devicelog.ledger.proofs import consistency_proof
from devicelog.ledger.signing import CODES, MAX_PROOF, MAX_SIZE, Head, Refusal, acknowledge, decide, nothing_signed
from tests.ledger.logs import LOG, OTHER, head, leaves, request

GENUINE = leaves(20)
FORKED = leaves(20, fork_at=6)
SIGNED = head(GENUINE, 9)


@pytest.mark.parametrize("size", [1, 2, 9, 20])
def test_the_first_head_of_a_log_is_signed_without_a_proof(size):
    assert decide(nothing_signed(LOG), request(GENUINE, 0, size)) == head(GENUINE, size)


def test_the_first_head_is_accepted_once():
    assert isinstance(decide(SIGNED, replace(request(FORKED, 0, 12), proof=())), Refusal)


@pytest.mark.parametrize("size", [10, 12, 16, 17, 20])
def test_an_extension_is_signed(size):
    assert decide(SIGNED, request(GENUINE, 9, size)) == head(GENUINE, size)


@pytest.mark.parametrize("old", [0, 4, 9])
def test_the_head_that_was_signed_is_signed_again(old):
    asked = replace(request(GENUINE, 0, 9), old=old)
    assert decide(SIGNED, asked) == SIGNED


REFUSED = {
    "rolled back": (request(GENUINE, 5, 8), "smaller"),
    "rolled back to one entry": (request(GENUINE, 0, 1), "smaller"),
    "rolled back, asked as if it were new": (request(GENUINE, 0, 5), "smaller"),
    "rolled back and gone on otherwise": (request(FORKED, 9, 15), "proof"),
    "the same size, another history": (request(FORKED, 9, 9), "fork"),
    "an older head, replayed with its own proof": (request(GENUINE, 4, 7), "smaller"),
    "a proof from an older head": (request(GENUINE, 5, 12), "behind"),
    "a fork with a proof from before it": (request(FORKED, 5, 12), "behind"),
    "begun anew": (request(FORKED, 0, 12), "behind"),
    "a head that was never signed here": (request(GENUINE, 11, 15), "ahead"),
    "no proof": (replace(request(GENUINE, 9, 12), proof=()), "proof"),
    "the proof of another size": (
        replace(request(GENUINE, 9, 12), proof=tuple(consistency_proof(GENUINE, 9, 13))),
        "proof",
    ),
    "a proof with a hash more": (
        replace(request(GENUINE, 9, 12), proof=(*request(GENUINE, 9, 12).proof, bytes(32))),
        "proof",
    ),
    "a proof backwards": (replace(request(GENUINE, 9, 12), proof=request(GENUINE, 9, 12).proof[::-1]), "proof"),
    "the root of another size": (replace(request(GENUINE, 9, 12), root=head(GENUINE, 13).root), "proof"),
    "a size that the tree has not": (replace(request(GENUINE, 9, 12), size=13), "proof"),
    "another log": (request(GENUINE, 9, 12, log=OTHER), "other log"),
    "a log of nothing": (replace(request(GENUINE, 0, 1), size=0), "malformed"),
    "a size below nought": (replace(request(GENUINE, 0, 1), old=-3, size=-1), "malformed"),
    "rolled back, asked from what was signed": (replace(request(GENUINE, 5, 5), old=9), "smaller"),
    "an old size above the new one": (replace(request(GENUINE, 9, 12), old=13), "ahead"),
    "a size of 54 bits": (replace(request(GENUINE, 9, 12), size=MAX_SIZE + 1), "malformed"),
    "a short root": (replace(request(GENUINE, 9, 12), root=bytes(31)), "malformed"),
    "a short hash in the proof": (replace(request(GENUINE, 9, 12), proof=(bytes(31),)), "malformed"),
    "a long proof": (replace(request(GENUINE, 9, 12), proof=(bytes(32),) * (MAX_PROOF + 1)), "malformed"),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_nothing_else_is_signed(attempt):
    asked, code = REFUSED[attempt]
    refusal = decide(SIGNED, asked)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_every_code_is_in_the_table():
    assert {code for _, code in REFUSED.values()} | {"ended"} == CODES.keys()


def test_every_bit_of_a_proof_and_of_a_root_is_looked_at():
    asked = request(GENUINE, 9, 12)
    for node in range(len(asked.proof)):
        for bit in range(0, 256, 5):
            spoilt = bytearray(asked.proof[node])
            spoilt[bit // 8] ^= 1 << bit % 8
            proof = (*asked.proof[:node], bytes(spoilt), *asked.proof[node + 1 :])
            assert isinstance(decide(SIGNED, replace(asked, proof=proof)), Refusal)


# --- a fork is acknowledged -------------------------------------------------------------------------------------------


@pytest.mark.requirement("R29")
def test_a_restored_backup_ends_the_log_at_what_was_signed():
    assert acknowledge(SIGNED, head(GENUINE, 5)) == SIGNED


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (SIGNED, "malformed"),
        (head(GENUINE, 5, log=OTHER), "other log"),
        (Head(log=LOG, size=-1, root=bytes(32)), "malformed"),
        (Head(log=LOG, size=5, root=b""), "malformed"),
    ],
    ids=["no fork", "another log", "no size", "no root"],
)
def test_what_is_no_fork_cannot_be_acknowledged(found, code):
    refusal = acknowledge(SIGNED, found)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


# --- whatever is asked ------------------------------------------------------------------------------------------------

HISTORIES = [leaves(24), *(leaves(24, fork_at=at, fork=f"fork at {at}") for at in (0, 3, 8, 16, 23))]
histories = st.sampled_from(range(len(HISTORIES)))
sizes = st.integers(0, 24)


class AnySequence(RuleBasedStateMachine):
    """A device that owns six histories of one log, and asks whatever it likes for any of them."""

    def __init__(self) -> None:
        super().__init__()
        self.remembered = nothing_signed(LOG)
        self.signed: list[Head] = []

    def ask(self, asked) -> None:
        decided = decide(self.remembered, asked)
        if not isinstance(decided, Refusal):
            assert decided == asked.head
            self.remembered = decided
            self.signed.append(decided)

    @rule(history=histories, old=sizes, size=sizes)
    def ask_with_a_genuine_proof(self, history, old, size):
        self.ask(request(HISTORIES[history], min(old, size), size))

    @rule(history=histories, size=sizes)
    def ask_from_what_was_signed(self, history, size):
        self.ask(replace(request(HISTORIES[history], min(self.remembered.size, size), size), old=self.remembered.size))

    @rule(proven=histories, rooted=histories, size=sizes)
    def ask_with_the_proof_of_another_history(self, proven, rooted, size):
        honest = request(HISTORIES[proven], min(self.remembered.size, size), size)
        self.ask(replace(honest, old=self.remembered.size, root=head(HISTORIES[rooted], size).root))

    @rule(history=histories, size=sizes, proof=st.lists(st.binary(min_size=32, max_size=32), max_size=6))
    def ask_with_any_proof(self, history, size, proof):
        asked = head(HISTORIES[history], size)
        self.ask(replace(request(HISTORIES[history], 0, size), old=self.remembered.size, root=asked.root, proof=proof))

    @invariant()
    def all_that_was_signed_is_one_history(self):
        assert [each.size for each in self.signed] == sorted(each.size for each in self.signed)
        assert any(all(each == head(history, each.size) for each in self.signed) for history in HISTORIES)


AnySequence.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAnySequence = AnySequence.TestCase
