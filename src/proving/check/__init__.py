"""Finds wrong behaviour."""
