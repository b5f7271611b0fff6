"""The whole system on one road."""
