"""For `gunicorn --config chainhub_web/gunicorn_conf.py chainhub_web.wsgi`, as in the Procfile."""

from __future__ import annotations

import sys

from django.core.exceptions import ImproperlyConfigured

from chainhub_web import env

env.keep("DJANGO_SETTINGS_MODULE", "chainhub_web.settings")
try:
    import django

    django.setup()
    from chainhub_web import server

    globals().update(server.options())
except ImproperlyConfigured as fault:
    sys.exit(f"Can't start: {fault}")
