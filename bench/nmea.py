"""One sample as an NMEA 0183 sentence, written by hand and read by pynmea2."""

from functools import reduce
from operator import xor

import pynmea2

from bench.workload import Row


class PEN(pynmea2.TalkerSentence):  # pynmea2 finds a sentence by the name of its class
    """The sample's fields, declared as integers: what an attribute gives is converted."""

    fields = tuple((name, name, int) for name in Row._fields)


def sentence(row: Row) -> str:
    """`$SNPEN,seq,t_us,...*checksum`."""
    body = "SNPEN," + ",".join(map(str, row))
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n"


def read(text: str) -> Row:
    """Parse, check the sum, and take every field as the number it is."""
    message = pynmea2.parse(text, check=True)
    return Row(message.seq, message.t_us, message.depth_um, message.raw_count, message.frequency_dhz, message.contact)
