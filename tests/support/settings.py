"""The product's settings for installations that a test starts: passwords are hashed by Argon2, but lightly.

A sign-in costs a quarter of a second of a processor on purpose; some hundred journeys sign in.  What a real
installation uses is a test of its own (tests/site/test_accounts.py), and the shows (tests/show) use that.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher

from minping.site.settings import *  # noqa: F403


class Light(Argon2PasswordHasher):
    time_cost = 1
    memory_cost = 1024  # KiB
    parallelism = 1


PASSWORD_HASHERS = ["tests.support.settings.Light"]
