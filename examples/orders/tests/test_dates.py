from datetime import date

import pytest
from orders.dates import Range, add_working_days, due_date, is_overdue, is_working_day, parse_range, quarter


def test_parse_range():
    assert parse_range("2024-05-01..2024-05-31") == Range(date(2024, 5, 1), date(2024, 5, 31))


def test_parse_a_single_day():
    assert parse_range("2024-05-01").days == 1


def test_a_range_cannot_run_backwards():
    with pytest.raises(ValueError, match="is before"):
        parse_range("2024-05-31..2024-05-01")


def test_range_holds_both_ends():
    may = parse_range("2024-05-01..2024-05-31")
    assert date(2024, 5, 1) in may
    assert date(2024, 5, 31) in may
    assert date(2024, 6, 1) not in may


@pytest.mark.parametrize(
    ("other", "expected"),
    [("2024-05-31..2024-06-02", True), ("2024-06-01..2024-06-02", False), ("2024-04-01..2024-05-01", True)],
)
def test_overlaps(other, expected):
    assert parse_range("2024-05-01..2024-05-31").overlaps(parse_range(other)) is expected


def test_working_days_skip_weekends_and_holidays():
    assert not is_working_day(date(2024, 5, 4))
    assert add_working_days(date(2024, 5, 3), 1) == date(2024, 5, 6)
    assert add_working_days(date(2024, 5, 8), 1, frozenset({date(2024, 5, 9)})) == date(2024, 5, 10)


def test_due_after_two_weeks():
    assert due_date(date(2024, 5, 1)) == date(2024, 5, 15)


def test_due_on_a_weekend_moves_to_monday():
    assert due_date(date(2024, 5, 4)) == date(2024, 5, 20)


def test_a_reminder_goes_out_after_the_due_date():
    due = date(2024, 5, 15)
    assert is_overdue(due, date(2024, 5, 16))
    assert not is_overdue(due, date(2024, 5, 14))


@pytest.mark.parametrize(("month", "name"), [(1, "2024-Q1"), (3, "2024-Q1"), (4, "2024-Q2"), (12, "2024-Q4")])
def test_quarter(month, name):
    assert quarter(date(2024, month, 1)) == name
