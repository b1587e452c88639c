"""An order as an invoice: a number, a due date and a page of plain text."""

import datetime

from .dates import due_date, quarter
from .money import format_money
from .order import Line, Order

WIDTH = 60


def invoice_number(order: Order, day: datetime.date) -> str:
    """`2024-Q2-000042`"""
    return f"{quarter(day)}-{order.number:06d}"


def shorten(text: str, width: int) -> str:
    """Cut a text that is too long and end it with an ellipsis; it never gets longer than `width`."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def render_line(line: Line) -> str:
    name = shorten(line.product.name, 30)
    return f"{line.quantity:>4} x {name:<30} {format_money(line.price):>{WIDTH - 38}}"


def render_sum(label: str, cents: int) -> str:
    return f"{label:<{WIDTH // 2}}{format_money(cents):>{WIDTH // 2}}"


def render(order: Order, day: datetime.date) -> str:
    """The whole page. Sums that are zero are left out, the total never is."""
    head = [f"Invoice {invoice_number(order, day)}", f"To {order.customer}", f"Pay by {due_date(day):%d %B %Y}"]
    lines = [render_line(line) for line in order]
    sums = [("Coupon", -order.reduction), ("Tax", order.tax), ("Shipping", order.shipping)]
    shown = [render_sum(label, cents) for label, cents in sums if cents]
    rule = "-" * WIDTH
    return "\n".join([*head, rule, *lines, rule, *shown, render_sum("Total", order.total)])
