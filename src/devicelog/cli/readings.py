"""Every sample of a stream as its opening and its corrections say it is to be read; wherever it is kept."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from devicelog.attribution import Attribution
from devicelog.canonical import Json
from devicelog.errors import NotFound
from devicelog.pipeline import Opening
from devicelog.samples import Placed, sample_frames, sample_rows
from firmware_bridge.transports import decoder_of

if TYPE_CHECKING:
    from devicelog.store.reading import Kept, StreamRow


class Samples:
    """The samples of one stream; `pins`: what pins said beside the pen. Raises NotFound where nobody watched any."""

    def __init__(self, kept: "Kept", row: "StreamRow", *, pins: bool = False) -> None:
        entry = kept.entry(row["no"])
        opening = Opening.read(entry.type, entry.body, kept.documents(entry))
        profile, pen = (opening.sensors, None) if pins else (opening.profile, opening.pen)
        if profile is None:
            raise NotFound(f"{row['id']}: no pins were watched beside the pen; without --pins, its own samples come")
        attribution = Attribution.of([entry.body for entry in kept.attributions(row)])
        self.untold = profile.untold
        self._kept, self._row, self._profile = kept, row, profile
        self._told: dict[str, Any] = {
            "pen_serial": pen["serial"] if pen else None,
            "corrections": attribution.corrections if attribution else (),
            "calibration": opening.calibration if pen else None,
        }

    def rows(self) -> Iterator[Json]:
        """One a sample, as `sample_rows` gives them."""
        records = self._kept.records(self._row["no"])
        return sample_rows(records, decoder=decoder_of(self._profile), untold=self.untold, **self._told)

    def frames(self) -> Iterator[Placed]:
        """The same frame by frame, as `sample_frames` gives them."""
        return sample_frames(self._kept.records(self._row["no"]), decoder=decoder_of(self._profile), **self._told)
