"""Where readings are missing."""

import numpy as np


def share_missing(readings):
    """The share of gaps of each station, from 0 to 1."""
    return np.isnan(readings).mean(axis=0)


def filled(readings):
    """Gaps between two readings of a station filled on a straight line; those at the ends stay."""
    whole = readings.copy()
    hours = np.arange(len(readings))
    for station in range(readings.shape[1]):
        column = whole[:, station]
        known = ~np.isnan(column)
        if known.sum() >= 2:
            column[:] = np.interp(hours, hours[known], column[known], left=np.nan, right=np.nan)
    return whole
