"""Scenarios, pools and recorded rows."""
