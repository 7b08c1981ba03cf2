"""Checksums that other makers put at the end of a line, by the names profiles give them. Pure.

A "CRC-16" is a family: the same polynomial with another start or bit order is another sum. So each has the name of the
catalogue of parametrised CRCs, and its value over `123456789` is in the table of docs/connect-your-pen.md.
"""

from binascii import crc_hqx
from collections.abc import Callable


def xor(data: bytes) -> int:
    """All bytes exclusive-ored, as NMEA 0183 has it."""
    total = 0
    for byte in data:
        total ^= byte
    return total


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


_REFLECTED = tuple(map(_entry, range(256)))  # polynomial 0x8005, lowest bit first


def _reflected(start: int) -> Callable[[bytes], int]:
    def crc(data: bytes) -> int:
        value = start
        for byte in data:
            value = value >> 8 ^ _REFLECTED[(value ^ byte) & 0xFF]
        return value

    return crc


# by name: the sum, and how many hexadecimal digits it is written with
CHECKSUMS: dict[str, tuple[Callable[[bytes], int], int]] = {
    "xor": (xor, 2),
    "crc-16/xmodem": (lambda data: crc_hqx(data, 0), 4),
    "crc-16/ccitt-false": (lambda data: crc_hqx(data, 0xFFFF), 4),
    "crc-16/arc": (_reflected(0), 4),
    "crc-16/modbus": (_reflected(0xFFFF), 4),
}
