import pytest
from orders.prices import Coupon, apply_coupon, line_price, shipping, tax_on, tier_discount


@pytest.mark.parametrize(("quantity", "rate"), [(1, 0), (9, 0), (11, 5), (49, 5), (60, 10), (500, 15)])
def test_tier_discount(quantity, rate):
    assert tier_discount(quantity) == rate


def test_a_tier_starts_at_its_own_quantity():
    assert [tier_discount(quantity) for quantity in (10, 50, 100)] == [5, 10, 15]


def test_line_price_without_discount():
    assert line_price(4_50, 3) == 13_50


def test_line_price_with_discount():
    assert line_price(4_50, 20) == 85_50


def test_line_price_needs_a_quantity():
    with pytest.raises(ValueError, match="at least 1"):
        line_price(4_50, 0)


def test_coupon_percentage_then_amount():
    assert apply_coupon(100_00, Coupon("SPRING", percent=10, amount=5_00)) == 85_00


def test_coupon_never_pays_out():
    assert apply_coupon(3_00, Coupon("FIVER", amount=5_00)) == 0


def test_coupon_has_a_minimum():
    big = Coupon("BIG", amount=10_00, minimum=50_00)
    assert apply_coupon(49_99, big) == 49_99
    assert apply_coupon(50_00, big) == 40_00


@pytest.mark.parametrize(("category", "tax"), [("standard", 21_00), ("food", 9_00), ("book", 9_00), ("export", 0)])
def test_tax(category, tax):
    assert tax_on(100_00, category) == tax


def test_tax_of_an_unknown_category():
    with pytest.raises(ValueError, match="no tax rate"):
        tax_on(100_00, "magic")


@pytest.mark.parametrize(
    ("total", "grams", "cost"),
    [(20_00, 800, 4_95), (20_00, 1_000, 4_95), (20_00, 1_001, 7_95), (75_00, 9_000, 0), (20_00, 0, 0), (1, 40_001, 44_85)],
)
def test_shipping(total, grams, cost):
    assert shipping(total, grams) == cost
