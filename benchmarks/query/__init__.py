"""Queries over data in memory against the best that Python offers: `make bench-query` prints the table."""
