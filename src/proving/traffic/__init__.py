"""Mixed-autonomy traffic simulation."""
