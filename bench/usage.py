"""Usage over a million calls: how long each report takes, its queries and its Python.

Run as a module it is the process that seeds and measures, so that no other part of the bench meets Django.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from chainhub_web import env
from tests.site import ROOT

CALLS = 1_000_000
DAYS, PEOPLE, GROUPS, MODELS = 365, 200, 8, 30
# The first key takes what it can; the others stand in.
KEY_SHARES = (50, 25, 15, 7, 3)
REPORTS: list[tuple[str, ...]] = [
    ("day",),
    ("person",),
    ("model",),
    ("group",),
    ("key",),
    ("day", "person"),
    ("day", "model"),
    ("person", "model"),
]


def measure(_: object = None, *, runs: int = 9) -> list[tuple[str, str, str]]:
    """Seed a database of its own, and time every report of the panel's usage page."""
    with tempfile.TemporaryDirectory(prefix="chat-bench-usage-") as folder:
        answer = subprocess.run(
            [sys.executable, "-m", "bench.usage", folder, str(runs)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return [(name, value, aim) for name, value, aim in json.loads(answer.stdout)]


def main() -> None:
    folder, runs = Path(sys.argv[1]), int(sys.argv[2])
    env.keep("SECRET_KEY", "only for this benchmark: no site has ever been served with this secret key")
    env.keep("ENCRYPTION_KEYS", Fernet.generate_key().decode())
    env.keep("DATA_DIR", str(folder))
    env.keep("DJANGO_SETTINGS_MODULE", "chainhub_web.settings")
    import django  # noqa: PLC0415 (the variables come first)

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    last = _seed()
    seeded = time.monotonic() - began
    found = [("seeding a million calls, s", f"{seeded:.0f}", "120")]
    year = last.replace(year=last.year - 1, day=1)
    year = (year.replace(day=28) + timedelta(days=4)).replace(day=1)
    for words, first in (
        ("30 days", last - timedelta(days=29)),
        ("12 months", year),
        ("365 days", last - timedelta(days=DAYS - 1)),
    ):
        found += [_report(by, words, first, last, runs) for by in REPORTS]
    found.append(_count(runs))
    sys.stdout.write(json.dumps(found))


def _report(by: tuple[str, ...], words: str, first: date, last: date, runs: int) -> tuple[str, str, str]:
    from django.db import connection  # noqa: PLC0415

    from conversations.services import usage_reports  # noqa: PLC0415

    queries = 0

    def counted(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    times = []
    for order in ("", "-cost"):
        took = []
        for _ in range(runs):
            queries = 0
            began = time.perf_counter()
            with connection.execute_wrapper(counted):
                report = usage_reports.report(by=by, first=first, last=last, order=order)
            took.append((time.perf_counter() - began) * 1000)
            assert report.rows
        times.append(f"{statistics.median(took):.0f}/{sorted(took)[int(0.95 * len(took))]:.0f}")
    name = f"{words}, by {' and '.join(by)}: median/p95 ms, as usual; by cost"
    return f"{name} ({queries} queries)", "; ".join(times), "100"


def _count(runs: int) -> tuple[str, str, str]:
    from django.db import transaction  # noqa: PLC0415

    from conversations.models import Call  # noqa: PLC0415
    from conversations.services import usage  # noqa: PLC0415

    took = []
    for call in Call.objects.order_by("-pk")[: 20 * runs]:
        began = time.perf_counter()
        with transaction.atomic():
            usage.count(call)
        took.append((time.perf_counter() - began) * 1000)
    return "counting one call, median ms", f"{statistics.median(took):.2f}", "5"


# --- A million calls ------------------------------------------------------------------------------------


def _seed() -> date:
    """Write the calls, and their sums by the statements of a database; return the last day."""
    from django.contrib.auth.models import Group  # noqa: PLC0415
    from django.db import connection, transaction  # noqa: PLC0415

    from conversations.models import Call, GatewayKey, Model, User  # noqa: PLC0415

    Group.objects.bulk_create(Group(name=f"Group {number}") for number in range(GROUPS))
    User.objects.bulk_create(User(username=f"person-{number:03}", password="!") for number in range(PEOPLE))
    keys = GatewayKey.objects.bulk_create(
        GatewayKey(name=f"Key {number}", base_url="https://gateway.example")
        for number in range(len(KEY_SHARES))
    )
    models = Model.objects.bulk_create(Model(name=f"vendor/model-{number:02}") for number in range(MODELS))
    people = list(User.objects.order_by("pk").values_list("pk", "username"))
    last = datetime.now(UTC).date()
    table = Call._meta.db_table
    rows = _calls(
        last, people, [(key.pk, key.name) for key in keys], [(model.pk, model.name) for model in models]
    )
    first = next(rows)
    columns, places = ", ".join(first), ", ".join(["%s"] * len(first))
    insert = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        # To fill the indexes of a million rows with the half megabyte that a site has takes twice as long.
        cursor.execute("PRAGMA cache_size=-200000")
        cursor.execute("PRAGMA temp_store=MEMORY")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert, list(first.values()))
        cursor.executemany(insert, (list(row.values()) for row in rows))
        _sum_up(cursor, table)
    # The next connection is one as a site has it.
    connection.close()
    return last


def _calls(last: date, people: list, keys: list, models: list) -> Iterator[dict[str, Any]]:
    """Yield calls as a team makes them: some people ask far more, and everybody has favourites."""
    chance = random.Random(4)
    shares = [1 / (place + 1) ** 1.1 for place in range(MODELS)]
    favourites = []
    for _ in people:
        order = chance.sample(models, MODELS)
        favourites.append(chance.choices(order, shares, k=5000))
    taken = chance.choices(keys, KEY_SHARES, k=100_003)
    midnight = datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=DAYS - 1)
    starts = [f"{midnight + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS)]
    for number in range(CALLS):
        place = int(PEOPLE * chance.random() ** 1.3)
        model, key = favourites[place][int(5000 * chance.random())], taken[number % len(taken)]
        tokens = int(20_000 * chance.random())
        is_failed, is_unpriced = number % 97 == 0, number % 211 == 0
        started = f"{starts[number * DAYS // CALLS]} {number % 24:02}:{number % 60:02}:00.000000"
        yield {
            "purpose": "answer",
            "attempt": 1,
            "key_id": key[0],
            "key_name": key[1],
            "person_id": people[place][0],
            "person_name": people[place][1],
            "group_name": f"Group {place % GROUPS}",
            "model_id": model[0],
            "model_name": model[1],
            "model_answered": "",
            "wire": "chat_completions",
            "status": 500 if is_failed else 200,
            "request_id": "",
            "error_kind": "upstream" if is_failed else "",
            "started_at": started,
            "ended_at": started,
            "input_tokens": tokens,
            "cached_tokens": tokens // 3,
            "cache_written_tokens": 0,
            "output_tokens": tokens // 7,
            "thinking_tokens": tokens // 20,
            "cost": None if is_unpriced else 0 if is_failed else tokens * 1237,
            "currency": "credits",
            "usage_source": "estimate" if number % 53 == 0 else "gateway",
        }


def _sum_up(cursor: Any, calls: str) -> None:
    """Make the sums that services.usage.count would have made, call by call."""
    from conversations.models import USAGE_SUMS, Cut, UsageCut, UsageDay  # noqa: PLC0415
    from conversations.services import usage  # noqa: PLC0415

    days, cuts = UsageDay._meta.db_table, UsageCut._meta.db_table
    place = ["day", "currency", "person_pk", "person_name", "group_name", "key_pk", "key_name", "model_name"]
    columns = ", ".join([*place, *USAGE_SUMS])
    added = ", ".join(f"SUM({name})" for name in USAGE_SUMS[4:-1])
    cursor.execute(
        f"INSERT INTO {days} ({columns}) SELECT substr(started_at, 1, 10), currency, person_id, "  # noqa: S608
        f"person_name, "
        f"group_name, key_id, key_name, model_name, COUNT(*), SUM(error_kind <> ''), "
        f"SUM(cost IS NULL AND error_kind = ''), SUM(usage_source = 'estimate'), {added}, "
        f"SUM(COALESCE(cost, 0)) FROM {calls} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )
    for cut in Cut:
        kept = {"day": "substr(day, 1, 8) || '01'" if cut in usage.MONTHLY else "day", "currency": "currency"}
        for told, fields in usage.FIELDS.items():
            for field, nothing in fields.items():
                kept[field] = field if told in usage.TELLS[cut] else repr(nothing)
        values = [kept[name] for name in place]
        sums = ", ".join(f"SUM({name})" for name in USAGE_SUMS)
        cursor.execute(
            f"INSERT INTO {cuts} (cut, {columns}) SELECT '{cut}', {', '.join(values)}, {sums} "  # noqa: S608
            f"FROM {days} GROUP BY {', '.join(str(number + 2) for number in range(len(values)))}"
        )
        cursor.execute(f"SELECT SUM(calls), SUM(cost) FROM {cuts} WHERE cut = '{cut}'")  # noqa: S608
        of_cut = cursor.fetchone()
        cursor.execute(f"SELECT COUNT(*), SUM(cost) FROM {calls}")  # noqa: S608
        assert of_cut == cursor.fetchone(), cut


if __name__ == "__main__":
    main()
