"""Money as whole cents: reading, writing and sharing it out without losing any."""

import re

_AMOUNT = re.compile(r"(-?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?")


def parse_money(text: str) -> int:
    """Cents of an amount such as `12`, `12.5`, `1,250.00` or `-3.20`, with or without a euro sign."""
    found = _AMOUNT.fullmatch(text.replace("€", "").strip())
    if found is None:
        raise ValueError(f"not an amount: {text!r}")
    sign, euros, cents = found.groups()
    value = int(euros.replace(",", "")) * 100 + int((cents or "0").ljust(2, "0"))
    return -value if sign else value


def format_money(cents: int) -> str:
    """`€1,250.00`; the sign comes first, as in `-€3.20`."""
    sign = "-" if cents < 0 else ""
    euros, rest = divmod(abs(cents), 100)
    return f"{sign}€{euros:,}.{rest:02d}"


def percent(cents: int, rate: int) -> int:
    """`rate` per cent of an amount, half a cent rounded away from zero."""
    scaled = abs(cents) * rate
    whole, rest = divmod(scaled, 100)
    if rest >= 50:
        whole += 1
    return whole if cents >= 0 else -whole


def allocate(cents: int, weights: list[int]) -> list[int]:
    """Share an amount out in proportion to the weights. No cent is lost: the first shares get what is left over."""
    whole = sum(weights)
    if whole <= 0:
        raise ValueError("the weights must add up to more than zero")
    return [cents * weight // whole for weight in weights]
