"""What the readings say of each station, and which of them stand out."""

import numpy as np


def means(readings):
    """The mean of each station, gaps left out."""
    return np.nanmean(readings, axis=1)


def smooth(column, width):
    """The mean of every `width` neighbouring readings."""
    return np.convolve(column, np.ones(width) / width, mode="valid")


def outliers(readings, limit=3.0):
    """Hour and station of readings more than `limit` standard deviations from their station's mean."""
    centred = readings - np.nanmean(readings, axis=0)
    spread = np.nanstd(readings, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.abs(centred / spread) > limit
    return [(int(hour), int(station)) for hour, station in np.argwhere(far)]
