from datetime import date

from orders.invoice import invoice_number, render, shorten
from orders.prices import Coupon


def test_invoice_number(order):
    assert invoice_number(order, date(2024, 5, 1)) == "2024-Q2-000042"


def test_shorten():
    assert shorten("tea", 5) == "tea"
    assert shorten("green tea", 7) == "green…"


def test_an_invoice_shows_every_line_and_sum(order):
    page = render(order, date(2024, 5, 1))
    assert "Invoice 2024-Q2-000042\nTo Ada Lovelace\nPay by 15 May 2024\n" in page
    assert "   4 x Green tea " in page
    assert page.endswith("€66.29")


def test_sums_of_zero_are_left_out(order):
    assert "Coupon" not in render(order, date(2024, 5, 1))
    order.coupon = Coupon("TEN", percent=10)
    assert "Coupon" in render(order, date(2024, 5, 1))


def test_no_line_is_too_long(order, catalogue):
    order.add(catalogue.find("TEA-2"))
    assert max(len(line) for line in render(order, date(2024, 5, 1)).splitlines()) <= 60
