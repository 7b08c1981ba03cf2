"""Codes as makers print them, made independently of the readers: check digits by their published definitions."""

GS = "\x1d"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"  # ISO 15223 and HIBC: Code 39 in its own order


def gtin(thirteen: str) -> str:
    """A GTIN-14 of its first 13 digits: weights 3, 1, 3 ... from the left, what is missing to the next ten."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(thirteen))
    return f"{thirteen}{-total % 10}"


ITEM = gtin("0951234567890")


def gs1(*fields: tuple[str, str], identifier: str = "]d2", separator: str = GS) -> str:
    """A GS1 message of (application identifier, value), separated behind fields of no fixed length."""
    text = identifier
    for number, (name, value) in enumerate(fields, 1):
        text += name + value + (separator if name in ("10", "21") and number < len(fields) else "")
    return text


def hibc(body: str) -> str:
    """A HIBC code with its check character."""
    text = f"+{body}"
    return text + ALPHABET[sum(ALPHABET.index(character) for character in text) % 43]
