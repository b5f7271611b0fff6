"""Defects in picture and sound."""
