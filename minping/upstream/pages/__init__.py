"""上送: what waits, what was refused, what goes by hand, and whether the numbers agree.  One file a page."""
