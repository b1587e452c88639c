"""Readings of weather stations: rows are hours, columns are stations, NaN is a gap."""
