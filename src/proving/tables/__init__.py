"""Tables that re-arrange themselves."""
