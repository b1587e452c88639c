"""What a line of an order costs: quantity discounts, coupons, tax and shipping."""

from dataclasses import dataclass

from .money import percent

TIERS = ((10, 5), (50, 10), (100, 15))
"""From this many pieces on, this many per cent off. Ascending."""

TAX = {"standard": 21, "food": 9, "book": 9, "export": 0}
"""Per cent by category."""

FREE_SHIPPING_FROM = 75_00
SHIPPING_BANDS = ((1_000, 4_95), (5_000, 7_95), (20_000, 14_95))
"""Up to this many grams, this many cents. Ascending."""


@dataclass(frozen=True)
class Coupon:
    code: str
    percent: int = 0
    amount: int = 0
    """Cents, taken off after the percentage."""
    minimum: int = 0
    """The smallest order, in cents, on which it may be used."""


def tier_discount(quantity: int) -> int:
    """Per cent off for this many pieces of one product."""
    discount = 0
    for start, rate in TIERS:
        if quantity > start:
            discount = rate
    return discount


def line_price(price: int, quantity: int) -> int:
    """Cents for so many pieces, quantity discount taken off."""
    if quantity < 1:
        raise ValueError(f"a quantity must be at least 1, not {quantity}")
    full = price * quantity
    return full - percent(full, tier_discount(quantity))


def apply_coupon(total: int, coupon: Coupon) -> int:
    """The total after the coupon; never below zero, and unchanged below the coupon's minimum."""
    if total < coupon.minimum:
        return total
    reduced = total - percent(total, coupon.percent) - coupon.amount
    return max(reduced, 0)


def tax_on(cents: int, category: str) -> int:
    """Tax on an amount without tax."""
    if category not in TAX:
        raise ValueError(f"no tax rate for category {category!r}")
    return percent(cents, TAX[category])


def shipping(total: int, grams: int) -> int:
    """Cents for the parcel: free from a certain total, else by weight."""
    if total >= FREE_SHIPPING_FROM or grams == 0:
        return 0
    for limit, cost in SHIPPING_BANDS:
        if grams <= limit:
            return cost
    return SHIPPING_BANDS[-1][1] * -(-grams // SHIPPING_BANDS[-1][0])
