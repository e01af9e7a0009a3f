"""Loaded by pytest before anything of Django: every run works in a home folder of its own making."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile

SHARED = "TEST_SHARED"

# What the workers of one run make once and share (tests/support/ready.py): the first process makes the folder.
FIRST = SHARED not in os.environ
if FIRST:
    os.environ[SHARED] = tempfile.mkdtemp(prefix="minping-shared-")
os.environ["MINPING_HOME"] = tempfile.mkdtemp(prefix="minping-test-")
os.environ["MINPING_SANDBOX"] = "1"
os.environ["MINPING_PROVINCE"] = ""
os.environ.pop("MINPING_RULES", None)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
# Playwright's own loop must not make Django think that tests are asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# A shell has what it starts in the background ignore Ctrl-C: a run must clean up after it there too (scripts/test).
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    if FIRST:
        shutil.rmtree(os.environ[SHARED], ignore_errors=True)
