import pytest
from orders.money import allocate, format_money, parse_money, percent


@pytest.mark.parametrize(
    ("text", "cents"),
    [("12", 12_00), ("12.5", 12_50), ("1,250.00", 1_250_00), ("-3.20", -3_20), ("€ 0.05", 5), (" 7 ", 7_00)],
)
def test_parse_money(text, cents):
    assert parse_money(text) == cents


@pytest.mark.parametrize("text", ["", "abc", "1.234", "1,25.00", "--3"])
def test_parse_money_refuses(text):
    with pytest.raises(ValueError, match="not an amount"):
        parse_money(text)


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "€0.00"), (5, "€0.05"), (1_250_00, "€1,250.00"), (-3_20, "-€3.20")]
)
def test_format_money(cents, text):
    assert format_money(cents) == text


def test_percent_rounds_half_a_cent_away_from_zero():
    assert percent(50, 21) == 11
    assert percent(-50, 21) == -11
    assert percent(1_000, 9) == 90


def test_allocate_in_proportion():
    assert allocate(100, [1, 3]) == [25, 75]


def test_allocate_loses_no_cent():
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(5_00, [18_00, 32_00, 1]) == [1_80, 3_20, 0]


def test_allocate_needs_weights():
    with pytest.raises(ValueError, match="more than zero"):
        allocate(100, [])
