"""Django's settings, all from the environment (.env.example lists the variables)."""

from __future__ import annotations

import sys
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from chainhub_web import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data")))

# --- What must be right before anything else -------------------------------------------------------

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY", kept_in=DATA_DIR / "secret_key")
# Newest first: the first encrypts, all decrypt.
ENCRYPTION_KEYS = env.encryption_keys("ENCRYPTION_KEYS", kept_in=DATA_DIR / "encryption_keys")
HTTPS = env.flag("HTTPS", default=False)
HOST = env.text("HOST", "127.0.0.1")
PORT = int(env.number("PORT", default=8000, maximum=65535))
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ",".join(LOOPBACK))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
# Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody else's are.
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")

if DEBUG and not set(ALLOWED_HOSTS) <= set(LOOPBACK):
    raise ImproperlyConfigured("DEBUG=true serves this machine only: leave ALLOWED_HOSTS unset, or DEBUG")
if DEBUG and HOST not in ("127.0.0.1", "::1", "localhost"):
    raise ImproperlyConfigured("DEBUG=true serves this machine only: HOST must be 127.0.0.1")
if DEBUG and TRUSTED_PROXIES:
    raise ImproperlyConfigured("DEBUG=true serves this machine only: leave TRUSTED_PROXIES unset, or DEBUG")

# --- The app ---------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "chainhub_web",
    "conversations.apps.ConversationsConfig",
    "conversations.admin.apps.PanelConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "axes",
]
MIDDLEWARE = [
    "conversations.middleware.TrustedProxy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "conversations.middleware.PersonalAnswers",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "conversations.middleware.Acting",
    "django_htmx.middleware.HtmxMiddleware",
    "conversations.middleware.SignedIn",
    "conversations.middleware.SeenSignIns",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "chainhub_web.urls"
WSGI_APPLICATION = "chainhub_web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "conversations.views.shell.shell",
            ]
        },
    }
]
AUTH_USER_MODEL = "conversations.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# A link to set a new password lives for three hours.
PASSWORD_RESET_TIMEOUT = 3 * 3600  # seconds
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
LANGUAGE_CODE = "en-us"
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True

# --- Data ------------------------------------------------------------------------------------------

DATABASES = {"default": env.database(env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'chat.sqlite3'}"))}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "chainhub_web.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that writes takes its place in the line at its start, where waiting
        # works; one that upgrades in the middle fails at once with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # Half a megabyte of cache for each thread's connection; the system caches the file for all of them.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-500;",
    }
    # To open one costs as much as a request: Django registers sixty functions on it.
    DATABASES["default"]["CONN_MAX_AGE"] = 300
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # The pool's own most is four. The engine keeps five for itself; who waits for a model holds none.
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 4,
        "max_size": int(env.number("DATABASE_CONNECTIONS", default=40, minimum=10)),
    }
MEDIA_ROOT = DATA_DIR / "media"
FILE_UPLOAD_HANDLERS = [
    "conversations.views.uploads.BoundedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# A form may carry a pasted text of several megabytes; forms.limits refuses a longer one in words.
MESSAGE_MAX_CHARACTERS = int(env.number("MESSAGE_MAX_CHARACTERS", default=4_000_000, minimum=1))
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * MESSAGE_MAX_CHARACTERS
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
ATTACHMENT_MAX_BYTES = int(env.number("ATTACHMENT_MAX_MB", default=20) * 1_000_000)
ATTACHMENT_MAX_PIXELS = int(env.number("ATTACHMENT_MAX_MEGAPIXELS", default=50) * 1_000_000)
ATTACHMENT_MAX_SIDE = int(env.number("ATTACHMENT_MAX_SIDE", default=2048, minimum=64))
ATTACHMENT_MAX_PER_MESSAGE = int(env.number("ATTACHMENT_MAX_PER_MESSAGE", default=10))
ATTACHMENT_MAX_DRAFTS = int(env.number("ATTACHMENT_MAX_DRAFTS", default=50))
STORAGE_MAX_BYTES_PER_PERSON = int(env.number("STORAGE_MAX_MB_PER_PERSON", default=2_000) * 1_000_000)

# --- The gateway and the engine --------------------------------------------------------------------

CHAINHUB_API_KEY = env.text("CHAINHUB_API_KEY", "")
CHAINHUB_BASE_URL = env.text("CHAINHUB_BASE_URL", "https://api.chainhub.tech")
# README §4.2 of the gateway's description: connect 10 s, first byte 120 s, idle 300 s.
GATEWAY_CONNECT_TIMEOUT = env.number("GATEWAY_CONNECT_TIMEOUT", default=10, minimum=0.1)
GATEWAY_FIRST_BYTE_TIMEOUT = env.number("GATEWAY_FIRST_BYTE_TIMEOUT", default=120, minimum=0.1)
GATEWAY_IDLE_TIMEOUT = env.number("GATEWAY_IDLE_TIMEOUT", default=300, minimum=0.1)
# 1 waits as the gateway's description asks before a retry; tests and benchmarks wait less.
GATEWAY_RETRY_SCALE = env.number("GATEWAY_RETRY_SCALE", default=1)
GATEWAY_PROXY = env.text("GATEWAY_PROXY", "")
TITLE_MODEL = env.text("TITLE_MODEL", "")
ENGINE = env.choice("ENGINE", default="embedded", choices=("embedded", "separate"))
ENGINE_SLOTS = int(env.number("ENGINE_SLOTS", default=128, minimum=1))
ENGINE_QUEUE_PER_PERSON = int(env.number("ENGINE_QUEUE_PER_PERSON", default=100, minimum=1))
PRACTICE_GATEWAY = env.flag("PRACTICE_GATEWAY", default=True)
WEB_PROCESSES = int(env.number("WEB_PROCESSES", default=1, minimum=1))
WEB_THREADS = int(env.number("WEB_THREADS", default=200, minimum=24))
# Twenty threads stay free for everything that is not a stream: Stop must get through.
STREAMS_MAX = WEB_THREADS - 20
STREAMS_MAX_PER_PERSON = int(env.number("STREAMS_MAX_PER_PERSON", default=24, minimum=1))
# Also how soon an ended sign-in ends its streams: fifteen seconds are promised.
STREAM_PING_SECONDS = env.number("STREAM_PING_SECONDS", default=10, minimum=0.1, maximum=14)

# --- Safety ----------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # blob: a picked picture's preview while it is still on its way up.
        "img-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if TRUSTED_PROXIES:
    # conversations.middleware.TrustedProxy has removed the header from everybody else's requests.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_FAILURE_VIEW = "conversations.views.errors.csrf_failure"
DEFAULT_EXCEPTION_REPORTER_FILTER = "conversations.views.reporting.QuietReporterFilter"
DEFAULT_EXCEPTION_REPORTER = "conversations.views.reporting.QuietReporter"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "conversations.views.signing_in.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password"]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Without this Axes would ask ipware for forwarded headers; TrustedProxy has settled REMOTE_ADDR.
AXES_CLIENT_IP_CALLABLE = "conversations.middleware.client_address"
SILENCED_SYSTEM_CHECKS: list[str] = []
if not HTTPS:
    # HTTPS is a switch of its own: behind it all four stand; on loopback they can't.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]

# --- Mail and logs ---------------------------------------------------------------------------------

EMAIL_URL = env.text("EMAIL_URL", "")
if EMAIL_URL:
    vars().update(env.email(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# Who mail comes from. Without it: the name that EMAIL_URL signs in with, where that is an address.
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "") or env.sender(EMAIL_URL)
EMAIL_TIMEOUT = 10  # seconds

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "conversations.views.reporting.QuietLines"}},
    "filters": {"quiet": {"()": "conversations.views.reporting.QuietRecords"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "formatter": "line",
            "filters": ["quiet"],
        }
    },
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", default="INFO", choices=LOG_LEVELS)},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Statements with what is in them: messages, session keys.
        "django.db.backends": {"level": "INFO"},
        "axes": {"level": "WARNING"},
    },
}
