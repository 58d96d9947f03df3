"""What leaves the house: the open-data package and the monthly report, from a collector's API."""
