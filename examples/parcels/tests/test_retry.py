import asyncio

import pytest
from parcels.retry import Unreachable, with_retries


class Carrier:
    """Fails so many times, then answers."""

    def __init__(self, failures):
        self.failures = failures
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        if self.asked <= self.failures:
            raise Unreachable
        return "Hamburg"


def test_an_answer_is_given_as_it_is():
    assert asyncio.run(with_retries(Carrier(0))) == "Hamburg"


def test_a_carrier_that_fails_twice_is_asked_three_times():
    carrier = Carrier(2)

    assert asyncio.run(with_retries(carrier)) == "Hamburg"
    assert carrier.asked == 3


def test_a_carrier_that_never_answers_is_asked_three_times():
    carrier = Carrier(9)

    with pytest.raises(Unreachable):
        asyncio.run(with_retries(carrier))
    assert carrier.asked == 3


def test_other_errors_are_not_tried_again():
    async def broken():
        raise KeyError("parcel")

    with pytest.raises(KeyError):
        asyncio.run(with_retries(broken))
