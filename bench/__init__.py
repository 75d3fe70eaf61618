"""Measurements: each compares with something done in the same run, so that a slow machine tells no lies."""
