import numpy as np
from stations.gaps import filled, share_missing

NAN = float("nan")


def test_the_share_of_gaps_is_that_of_each_station():
    readings = np.array([[1.0, NAN], [2.0, NAN], [NAN, 3.0], [4.0, 4.0]])

    assert share_missing(readings).tolist() == [0.25, 0.5]


def test_a_gap_is_filled_on_a_straight_line():
    readings = np.array([[1.0], [NAN], [NAN], [4.0]])

    assert filled(readings)[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_gaps_at_the_ends_stay_and_the_input_does_too():
    readings = np.array([[NAN], [2.0], [NAN], [4.0], [NAN]])
    whole = filled(readings)

    assert np.isnan(whole[[0, 4], 0]).all()
    assert np.isnan(readings[2, 0])
