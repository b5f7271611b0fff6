"""Self-contained HTML pages from recorded rows."""
