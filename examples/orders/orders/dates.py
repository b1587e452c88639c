"""Due dates, working days and date ranges."""

import datetime
from dataclasses import dataclass

PAYMENT_DAYS = 14
SATURDAY = 5


@dataclass(frozen=True)
class Range:
    """Days from `start` to `end`, both included."""

    start: datetime.date
    end: datetime.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"{self.end} is before {self.start}")

    def __contains__(self, day: datetime.date) -> bool:
        return self.start <= day <= self.end

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def overlaps(self, other: "Range") -> bool:
        return self.start <= other.end and other.start <= self.end


def parse_range(text: str) -> Range:
    """`2024-05-01..2024-05-31`, or one day as `2024-05-01`."""
    first, dots, last = text.partition("..")
    start = datetime.date.fromisoformat(first.strip())
    return Range(start, datetime.date.fromisoformat(last.strip()) if dots else start)


def is_working_day(day: datetime.date, holidays: frozenset[datetime.date] = frozenset()) -> bool:
    return day.weekday() < SATURDAY and day not in holidays


def add_working_days(day: datetime.date, count: int, holidays: frozenset[datetime.date] = frozenset()) -> datetime.date:
    """The working day that lies `count` working days after `day`."""
    while count > 0:
        day += datetime.timedelta(days=1)
        if is_working_day(day, holidays):
            count -= 1
    return day


def due_date(invoiced: datetime.date) -> datetime.date:
    """When an invoice must be paid; a weekend moves it to Monday."""
    due = invoiced + datetime.timedelta(days=PAYMENT_DAYS)
    while not is_working_day(due):
        due += datetime.timedelta(days=1)
    return due


def is_overdue(due: datetime.date, today: datetime.date) -> bool:
    """Whether a reminder goes out for an invoice that is not paid."""
    return today == due


def quarter(day: datetime.date) -> str:
    """`2024-Q2`"""
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"
