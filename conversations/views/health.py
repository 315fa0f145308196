"""Whether the process is up, and whether it can do its work."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from conversations.generation import claims
from conversations.models import EngineProcess


@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "up"})


@login_not_required
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Database, migrations, and an engine that was heard of lately: 503 with what is missing."""
    missing = _missing()
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def _missing() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return ["migrations"]
        if not EngineProcess.objects.filter(seen_at__gte=timezone.now() - claims.SILENCE).exists():
            return ["engine"]
    except DatabaseError:
        return ["database"]
    return []
