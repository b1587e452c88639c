"""Orders as text, the way customers send them: one line per product, `quantity; article number`."""

from .catalogue import Catalogue, UnknownProduct
from .order import Order


class ImportProblem(ValueError):
    """A line that cannot be read, with its number."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line


UNITS = {"": 1, "pcs": 1, "dozen": 12}


def parse_quantity(text: str) -> int:
    """A number of pieces: `12`, `12 pcs`, or `2 dozen` for 24. Raises ValueError for anything else."""
    amount, _, unit = text.strip().partition(" ")
    if unit not in UNITS:
        raise ValueError(f"unknown unit {unit!r}")
    return int(amount) * UNITS[unit]


def import_order(text: str, catalogue: Catalogue, number: int, customer: str) -> Order:
    """Read an order. Blank lines and lines that start with `#` are skipped."""
    order = Order(number, customer)
    for at, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        amount, separator, sku = line.partition(";")
        if not separator:
            raise ImportProblem(at, "expected `quantity; article number`")
        try:
            order.add(catalogue.find(sku), parse_quantity(amount))
        except UnknownProduct as problem:
            raise ImportProblem(at, str(problem)) from None
        except ValueError as problem:
            raise ImportProblem(at, f"{amount.strip()!r} is not a quantity") from problem
    return order
