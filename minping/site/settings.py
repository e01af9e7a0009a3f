"""Django's settings, all of them derived from the home folder (see docs/settings.md).

No legal number stands here: those are dated data in `minping/law`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import SELF

from minping.evaluate import channels
from minping.kernel.caller import networks
from minping.kernel.catalogues import catalogues
from minping.kernel.home import home

HOME = home()
HOME.make()
CONFIG = HOME.config()

MINPING_CHAIN = "minping.chain"
MINPING_GROUP_COMMIT = True
MINPING_SANDBOX = CONFIG.sandbox
MINPING_AREA = CONFIG.area
MINPING_BASE_URL = CONFIG.base_url.rstrip("/")
MINPING_RETURN_ORIGINS = CONFIG.return_origins
MINPING_TERMINAL_PAIRED_ONLY = CONFIG.terminal_paired_only
MINPING_CALLBACK_ORIGINS = CONFIG.callback_origins
MINPING_CALLBACK_NETWORKS = CONFIG.callback_networks
MINPING_IDENTITY = CONFIG.identity
MINPING_STREAM = CONFIG.stream.rstrip("/")
MINPING_IMPORT_UNPACKED = CONFIG.import_unpacked_mb * 1024 * 1024
MINPING_TRUSTED_PROXIES = networks(CONFIG.trusted_proxies)
MINPING_PROVINCE = CONFIG.province.rstrip("/")
MINPING_PROVINCE_PROFILE = CONFIG.province_profile

SECRET_KEY = HOME.keys()["django"]
DEBUG = False
ALLOWED_HOSTS = [*CONFIG.hosts, "testserver"]
ROOT_URLCONF = "minping.site.urls"
WSGI_APPLICATION = "minping.site.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "minping.kernel",
    "minping.registry",
    "minping.upstream",
    "minping.evaluate",
    *channels.apps(),
    "minping.feedback",
    "minping.feedback.tickets",
    "minping.rectify",
    "minping.supervise",
    "minping.assess",
    "minping.site",
]

MIDDLEWARE = [
    "minping.site.middleware.FromWhere",
    "minping.site.middleware.HealthFirst",
    "django.middleware.security.SecurityMiddleware",
    "minping.site.middleware.SmallFiles",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "minping.site.middleware.Problems",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "minping.site.middleware.InWhichLanguage",
    "minping.site.middleware.ShortForms",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "minping.site.middleware.WhoActs",
    "minping.site.middleware.Look",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["minping.kernel.templatetags.tables"],  # one way to show a table
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "minping.site.context.everywhere",
            ],
        },
    },
]


def database(url: str) -> dict[str, Any]:
    """Django's database entry for `sqlite:///path` or `postgresql://user:pw@host:port/name`.

    SQLite: write-ahead log, every commit flushed (FULL), writers queue at BEGIN
    (IMMEDIATE) instead of failing in the middle.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:] if parts.path.startswith("//") else parts.path),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                    "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;"
                ),
            },
            "TEST": {"NAME": str(HOME.path / "test.sqlite3")},
        }
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ValueError(f"数据库地址 {parts.scheme}:… 不认识：写成 sqlite:///路径 或 postgresql://用户@主机/库名。")


DATABASES = {"default": database(CONFIG.database)}

# Limits on guessing are counted here; more keys than Django's 300, so that a crowd empties nobody's count.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 50_000}},
}

AUTH_USER_MODEL = "kernel.Account"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # nobody keeps another locked out
AXES_LOCKOUT_PARAMETERS = ["username"]  # a hall is one address: lock the account, not the network
AXES_LOCKOUT_CALLABLE = "minping.site.pages.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "minping.site.middleware.token_refused"
SECURE_COOKIES = CONFIG.base_url.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_TRUSTED_ORIGINS = [
    "{0.scheme}://{0.netloc}".format(urlsplit(MINPING_BASE_URL))
]  # the pages' own address, however the connection reaches this process
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024  # 10,000 services in one call
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体"), ("zh-hant", "繁體"), ("en", "English")]
LOCALE_PATHS = [catalogues(HOME.path / "locale")]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [Path(__file__).parent / "static"]
STATIC_ROOT = HOME.static
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
SESSION_ENGINE = "django.contrib.sessions.backends.db"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"axes": {"level": "WARNING"}, "django.request": {"level": "ERROR"}, "urllib3": {"level": "ERROR"}},
}
SILENCED_SYSTEM_CHECKS = ["axes.W003", "axes.W006"]  # W006 asks for the address in AXES_LOCKOUT_PARAMETERS
