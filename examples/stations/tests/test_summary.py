import numpy as np
from stations.summary import means, outliers, smooth


def test_means_are_those_of_each_station():
    readings = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, float("nan")]])

    assert means(readings).tolist() == [2.0, 15.0]


def test_smoothing_takes_neighbours_together():
    assert smooth(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist() == [1.5, 2.5, 3.5]


def test_a_reading_far_from_the_others_stands_out():
    readings = np.zeros((20, 2))
    readings[7, 1] = 50.0

    assert outliers(readings) == [(7, 1)]


def test_equal_readings_hold_no_outlier():
    assert outliers(np.ones((5, 3))) == []
