"""When a recorder has the ledger signed by itself: at the first start after a boot, and when it ends.

What cannot be signed or sealed then is told and done later; it never keeps a session from being recorded.
"""

from devicelog.errors import DevicelogError, SignatureRefused
from devicelog.recorder.access import Access
from devicelog.recorder.checkpointing import checkpoint
from devicelog.recorder.live import Console
from devicelog.recorder.sealing import seal_newest, take_up_all
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_checkpoint, newest_of, pin_of

_AT_END = (
    8  # the one that ended and a few that were cut off; after an upgrade there are many, and nobody waits for them
)


def sign_at_boot(access: Access, boot: str, console: Console) -> None:
    """Sign what is there when this start of the computer is another than that of the newest recording."""
    try:
        with Evidence(access.path) as evidence:
            started, held = newest_of(evidence, "recorder.started"), newest_checkpoint(evidence)
            known = pin_of(evidence)
        if held is None or started is None or started.body["boot"] != boot:
            checkpoint(access)
            if known is None:
                console.say("this ledger has its keys now; for an auditor to keep: `devicelog checkpoint key`")
    except DevicelogError as error:
        console.say(f"the ledger is not signed, and recording goes on: {error}")


def seal_at_end(access: Access, session: str | None, console: Console) -> None:
    """Seal what has ended and has no package, take up corrections that were cut off, and sign the ledger."""
    try:
        if session is not None:
            if more := seal_newest(access, _AT_END):
                console.say(f"{more} earlier sessions are not sealed: `devicelog sessions seal --all`")
            for words in take_up_all(access):
                console.say(words)
        checkpoint(access)
    except DevicelogError as error:
        words = "recorded, and not sealed" if session else "the ledger is not signed"
        if isinstance(error, SignatureRefused):
            later = "Every recording goes on; what can be done about the signatures: docs/recovery.md"
        else:
            later = "`devicelog sessions seal --all` does it later."
        console.say(f"{words}: {error} {later}")
