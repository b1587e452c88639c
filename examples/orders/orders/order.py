"""An order: lines of products, a coupon, and the sums that follow from them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .catalogue import Product
from .money import allocate
from .prices import Coupon, apply_coupon, line_price, shipping, tax_on


@dataclass(frozen=True)
class Line:
    product: Product
    quantity: int

    @property
    def price(self) -> int:
        return line_price(self.product.price, self.quantity)

    @property
    def weight(self) -> int:
        return self.product.weight * self.quantity


@dataclass
class Order:
    number: int
    customer: str
    lines: list[Line] = field(default_factory=list)
    coupon: Coupon | None = None

    def add(self, product: Product, quantity: int = 1) -> None:
        """Add pieces of a product; a product that is there already gets more pieces, not a second line."""
        if quantity < 1:
            raise ValueError(f"a quantity must be at least 1, not {quantity}")
        for at, line in enumerate(self.lines):
            if line.product.sku == product.sku:
                self.lines[at] = Line(product, line.quantity + quantity)
                return
        self.lines.append(Line(product, quantity))

    def remove(self, sku: str) -> None:
        kept = [line for line in self.lines if line.product.sku != sku]
        if len(kept) == len(self.lines):
            raise ValueError(f"{sku} is not in this order")
        self.lines = kept

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    @property
    def subtotal(self) -> int:
        """Before coupon, tax and shipping."""
        return sum(line.price for line in self.lines)

    @property
    def reduction(self) -> int:
        """What the coupon takes off."""
        return self.subtotal - apply_coupon(self.subtotal, self.coupon) if self.coupon else 0

    def net_prices(self) -> list[int]:
        """The price of each line after its share of the coupon."""
        prices = [line.price for line in self.lines]
        if not self.reduction:
            return prices
        return [price - share for price, share in zip(prices, allocate(self.reduction, prices), strict=True)]

    @property
    def tax(self) -> int:
        prices = zip(self.lines, self.net_prices(), strict=True)
        return sum(tax_on(price, line.product.category) for line, price in prices)

    @property
    def shipping(self) -> int:
        return shipping(self.subtotal - self.reduction, sum(line.weight for line in self.lines))

    @property
    def total(self) -> int:
        return self.subtotal - self.reduction + self.tax + self.shipping
