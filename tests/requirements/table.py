"""The 30 requirements, in our words, where each comes from, and how far devicelog is; what the page says around them.

Which tests show a requirement is not here: they say so themselves (trace.py). A status is `shown`, `partly` or `not
yet`; whatever is not shown says in one sentence what is missing.
"""

from dataclasses import dataclass
from typing import Literal

Status = Literal["shown", "partly", "not yet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row of the page. `words`: what devicelog shall do. `source`: clauses, as the page's list abbreviates them."""

    id: str
    words: str
    source: str
    status: Status = "shown"
    missing: str = ""


BEGINNING = """\
# What is asked of records, and the tests that show it

**devicelog claims compliance with nothing.** No regulation, standard or guidance below is met by a program alone, and
nobody has certified this one. What stands here are technical controls, each with the tests that show it, and an
honest word where one is missing. Whoever has to comply can start from the table; it does not replace a single
procedure.

This page is made by `make requirements` from a table and from markers on the tests (`tests/requirements/`). A test
fails when it is not what they give, when a requirement is said to be there and no test has its marker, or the other
way round.

## What a clinic has to do itself

No software does these, and devicelog does not pretend to:

- **train** the people who use it, and keep the records of that;
- a written policy that people **answer for** what is done under their id, and nobody lends one;
- **establish who somebody is** before an id or a secret is given out, and take it back when they leave;
- **control documents**: which plan, which limits and which edition of these pages are in force, and who approved
  them;
- **validate** the installation at the site: this computer, this pen, these plans, by people who did not build it;
- **review** the audit trail regularly, by somebody who did not make the entries, and record that it was done;
- look for **how long** records have to be kept: law, and different everywhere; devicelog enforces a number that it is
  given;
- decide on **erasure**: whether a person may have it, and whether what stays is still personal data, is a legal
  question;
- **carry checkpoints out of the building**: a stick, paper, a laptop. Without one, no check can notice that the owner
  of the device rewrote everything ([signer.md](signer.md));
- keep the **pin** from the day the device was put to use, away from the device; keep the device's door locked;
- set the **clock**, calibrate pens on their days, keep **backups** elsewhere and try to restore one;
- where records are signed towards an authority: the letters and certificates which that authority asks for.

## The requirements

Where they come from. *11.x*: 21 CFR Part 11 (electronic records). *878.4430*, *820.35*: 21 CFR, microneedling devices
and complaint records. *Annex 11*: EU GMP, of 2011, and *draft*: its revision put out in July 2025; it is written for
the making of medicines, not for clinics, and is a benchmark here. *ALCOA*: attributable, legible, contemporaneous,
original, accurate, and complete, consistent, enduring. *62443*, *81001*, *62304*, *13485*: IEC 62443-4-2, IEC
81001-5-1, IEC 62304, ISO 13485, read in secondary sources. *GDPR*: EU 2016/679. *HIPAA*: 45 CFR 164. *MDR*: EU
2017/745. *FDA 2024*: questions and answers on electronic records in clinical investigations. *524B*: of the US Food,
Drug and Cosmetic Act. That a clause is named says where the idea comes from, not that it applies to you or is met.
"""

END = """\
## What the tests do not show

- They run on a developer's computer and in a container, with simulated pens. They say nothing of your Pi, your disk,
  your cable, your pen; that is what validation at the site is for.
- A test tries what somebody thought of. A row with tests is no proof that there is no other way.
- No test cuts the power. A program is killed at any moment and a disk is slow, full or gone; whether yours keeps what
  it says it has kept is not shown.
- They do not show that what a pen measured was true, nor what a needle did in tissue.
- They do not show that the history before the newest checkpoint held outside is the one that happened, only that it
  was not changed since: what came later than that, the owner of the device could have made anew.
- `yes` is about the technical part of a row alone, in the words of this page, as of this version.

Besides the suite, `.ci/run` kills the real command line 20 times at random moments and looks for half a minute for
bytes that break it; `make torture` and `make fuzz` do so for longer ([CONTRIBUTING.md](../CONTRIBUTING.md)).
"""

REQUIREMENTS = (
    Requirement(
        id="R01",
        words="write one entry for each change of state, in the same transaction as the change: both are there, or "
        "neither",
        source="11.10(e); Annex 11 §9; ALCOA complete",
    ),
    Requirement(
        id="R02",
        words="have no option, variable or command that records without the audit trail",
        source="draft §12.3",
    ),
    Requirement(
        id="R03",
        words="refuse in the database itself to change, delete, replace or skip an entry, and notice at the start "
        "that such "
        "a guard is gone or was replaced by one of the same name",
        source="11.10(c), (e)",
    ),
    Requirement(
        id="R04",
        words="say of every entry who, what from what to what, when in UTC, and of every correction why",
        source="11.10(e); Annex 11 §9; draft §12.2",
        status="partly",
        missing="recording and marks ask for no PIN: who it was is what somebody typed, and entries say so "
        "(`auth: none`)",
    ),
    Requirement(
        id="R05",
        words="keep the original beside every correction, and show both wherever the record is printed",
        source="11.10(e); Annex 11 §8.2; ALCOA original",
    ),
    Requirement(
        id="R06",
        words="stamp with UTC, a monotonic clock, the start of the computer and how far its clock can be believed; "
        "record every "
        "step of the clock; order by number, never by time of day",
        source="11.10(e); 62443 CR 2.11; ALCOA consistent",
    ),
    Requirement(
        id="R07",
        words="have what arrives on disk within a second, lose no more than that when a program is killed, and "
        "enter that it happened",
        source="ALCOA contemporaneous, enduring",
    ),
    Requirement(
        id="R08",
        words="allow steps in their order only: open, record, close, seal, sign",
        source="11.10(f)",
    ),
    Requirement(
        id="R09",
        words="let each role do what is its own: practitioner, reviewer, auditor who only reads, administrator who "
        "signs no record",
        source="11.10(d), (g); draft §12.3",
        status="partly",
        missing="roles hold in the commands of devicelog; who has a login on the device may do what its files allow, "
        "and pens are calibrated, checkpoints made and sessions recorded by anybody",
    ),
    Requirement(
        id="R10",
        words="record which pen it was and its firmware, and find another pen, or the same one changed",
        source="11.10(h)",
        status="partly",
        missing="the path of the port is not recorded, and what a pen says of itself is believed",
    ),
    Requirement(
        id="R11",
        words="make copies that are complete and the same, for people and for programs",
        source="11.10(b); Annex 11 §8.1",
    ),
    Requirement(
        id="R12",
        words="put the entries of a session and the entry of the export itself into what is exported",
        source="11.10(b), (e); FDA 2024",
    ),
    Requirement(
        id="R13",
        words="verify and read what every earlier version wrote",
        source="11.10(c); Annex 11 §7.2, §17",
    ),
    Requirement(
        id="R14",
        words="show the name, the time and the meaning of a signature wherever the record is shown",
        source="11.50(a), (b)",
        status="partly",
        missing="an inspection names who signed by id: printed names are private texts and are not in it",
    ),
    Requirement(
        id="R15",
        words="bind a person's signature to its record, so that it fits no other",
        source="11.70",
    ),
    Requirement(
        id="R16",
        words="ask for id and secret at a first signature, for the secret at each that follows at once, and for "
        "both after a pause",
        source="11.200(a)(1)",
    ),
    Requirement(
        id="R17",
        words="give an id to one person, and never again to another",
        source="11.100(a); 11.300(a)",
        status="partly",
        missing="an id that nobody registered can still be typed; entries call it unregistered",
    ),
    Requirement(
        id="R18",
        words="enter failed attempts to sign in, slow them down, lock, and tell somebody",
        source="11.300(d); 62443 CR 1.11, 2.8",
        status="partly",
        missing="it is told in the ledger, in the inspection and to whoever signs next; nobody is sent a message",
    ),
    Requirement(
        id="R19",
        words="let secrets expire and be revoked",
        source="11.300(b), (c)",
    ),
    Requirement(
        id="R20",
        words="let somebody who has only the files and the pin find every edit, deletion, insertion and exchange that "
        "was made without the device's keys; made with them, those behind a checkpoint held outside, or say that these "
        "files cannot tell",
        source="11.10(a)",
    ),
    Requirement(
        id="R21",
        words="find that entries were cut off or an older state put back, where a newer checkpoint is held outside",
        source="11.10(a), (c)",
    ),
    Requirement(
        id="R22",
        words="prove one session without giving away another",
        source="GDPR 5(1)(c); HIPAA 164.502(b)",
    ),
    Requirement(
        id="R23",
        words="begin no session that cannot be written, and say that space runs out before it has",
        source="62443 CR 2.9, 2.10",
        status="partly",
        missing="space is looked at when a session begins and by `db check`; nothing watches it from day to day and "
        "warns",
    ),
    Requirement(
        id="R24",
        words="check itself at every start and regularly, and enter the result",
        source="Annex 11 §11; 11.10(a)",
        status="partly",
        missing="at a start the guards and the newest entry are checked; the whole is checked by `verify --all` when "
        "somebody "
        "runs it, and the result is printed, not entered",
    ),
    Requirement(
        id="R25",
        words="check what can be plausible (depth against the device's limit, passes, gaps), and keep rule, "
        "version and result",
        source="Annex 11 §6; 878.4430(b)(2)",
    ),
    Requirement(
        id="R26",
        words="take the cartridge's UDI, lot, expiry and serial number, check their digits, and flag an expired one",
        source="820.35; MDR Art. 27",
    ),
    Requirement(
        id="R27",
        words="keep what names a client out of the entries: a random reference and a salted commitment stand "
        "for it, and an id for whoever works there",
        source="GDPR 5(1)(c), 25, 32",
    ),
    Requirement(
        id="R28",
        words="keep for as long as it was told, erase what may be erased, enter that, and verify all the same",
        source="GDPR 5(1)(e), 17(3)(b); 13485 §4.2.5; HIPAA 164.316(b)(2)",
        status="partly",
        missing="there is one term for all private texts, not one for each kind of record; the evidence itself is "
        "never disposed of",
    ),
    Requirement(
        id="R29",
        words="make backups that are encrypted and can be restored, and let no restored one fork the log unnoticed",
        source="Annex 11 §7.2; HIPAA 164.308(a)(7)",
        status="partly",
        missing="there is no command for backups and no encryption; "
        "sessions come back from their packages, and a restored copy is noticed",
    ),
    Requirement(
        id="R30",
        words="record with each session which software and which settings made it; publish parts list and this page",
        source="62304 §5, §8; 81001; 524B",
        status="partly",
        missing="version, engine and the hash of every document are recorded, not a hash of the program; the lock "
        "files name "
        "every part with its hash, but are no SBOM in a format of others",
    ),
)
