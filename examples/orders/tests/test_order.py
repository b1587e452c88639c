import pytest
from orders.catalogue import Product, UnknownProduct
from orders.customer import initials
from orders.prices import Coupon


def test_catalogue_finds_whatever_the_case_and_blanks(catalogue):
    assert catalogue.find(" tea-1 ").name == "Green tea"


def test_catalogue_names_what_it_does_not_know(catalogue):
    with pytest.raises(UnknownProduct, match="unknown product 'TEA-9'"):
        catalogue.find("TEA-9")


def test_catalogue_refuses_a_second_product_of_the_same_number(catalogue):
    with pytest.raises(ValueError, match="already"):
        catalogue.add(Product("tea-1", "Oolong", 5_00))


def test_search_is_sorted_by_price(catalogue):
    assert [product.sku for product in catalogue.search("tea")] == ["TEA-1", "TEA-2", "BK-7", "POT-1"]


def test_the_same_product_stays_one_line(order, catalogue):
    order.add(catalogue.find("TEA-1"), 2)
    assert [line.quantity for line in order] == [6, 1]


def test_remove(order):
    order.remove("POT-1")
    assert order.subtotal == 18_00


def test_remove_what_is_not_there(order):
    with pytest.raises(ValueError, match="not in this order"):
        order.remove("BK-7")


def test_sums(order):
    assert order.subtotal == 50_00
    assert order.reduction == 0
    assert order.tax == 1_62 + 6_72
    assert order.shipping == 7_95
    assert order.total == 50_00 + 8_34 + 7_95


def test_a_coupon_lowers_tax_and_total(order):
    order.coupon = Coupon("TEN", percent=10)
    assert order.net_prices() == [16_20, 28_80]
    assert order.total == 45_00 + 1_46 + 6_05 + 7_95


def test_an_empty_order_costs_nothing(order):
    order.lines.clear()
    assert order.total == 0


def test_initials_of_a_customer():
    assert initials("Ada Lovelace") == "AL"
    assert initials("grace brewster hopper") == "GBH"
