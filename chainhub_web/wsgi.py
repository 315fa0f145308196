"""What gunicorn serves."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from chainhub_web import env

env.keep("DJANGO_SETTINGS_MODULE", "chainhub_web.settings")
application = get_wsgi_application()
