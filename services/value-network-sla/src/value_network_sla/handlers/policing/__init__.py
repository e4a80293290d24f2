"""Objectives of agreements: take them in, count, judge, tell."""
