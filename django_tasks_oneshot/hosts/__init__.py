"""Where runs are started from, and what becomes of them there."""
