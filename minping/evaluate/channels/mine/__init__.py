"""我的待评价: who logs in at the identity platform sees the services of his own that wait for a word (R12)."""
