"""Answers on their way: how much later they come than from the bare gateway, and at what cost."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import threading
import time
import uuid
from urllib.parse import urlencode, urlsplit

from bench import processes
from bench.scene import Scene
from bench.viewers import Viewer, watch
from tests.site import Browser

STREAMS = 100
PEOPLE = 10
# The questions come one after the other, as those of people would. An answer takes four seconds, so that at
# the end of this time all of them run at once.
SPREAD_SECONDS = 4


def measure_one(scene: Scene, *, runs: int) -> list[tuple[str, str, str]]:
    """Measure one answer at a time, with one viewer."""
    bare = statistics.median([_bare_first_token(scene) for _ in range(runs * 3)])
    ours = statistics.median([_our_first_token(scene) for _ in range(runs * 3)])
    cpu = statistics.median([_cpu_per_thousand_tokens(scene) for _ in range(runs)])
    return [
        ("time to first token, the gateway alone, ms", f"{bare * 1000:.1f}", "-"),
        ("time to first token over the gateway's, ms", f"{(ours - bare) * 1000:.1f}", "12"),
        ("CPU per 1,000 tokens, s", f"{cpu:.3f}", "0.15"),
    ]


def measure_many(scene: Scene) -> list[tuple[str, str, str]]:
    """Measure a hundred answers at once, each with its viewer."""
    worker = _site_processes(scene)
    people = scene.people(PEOPLE)
    viewers = [
        _viewer(people[number % PEOPLE], f"200 tokens every 20 ms stamp: {number}")
        for number in range(STREAMS)
    ]
    for viewer in viewers:
        viewer.open()
    asking = threading.Thread(target=_ask_all, args=(viewers,))
    before = processes.cpu_seconds(worker)
    asking.start()
    watch(viewers, until_ended=True, seconds=60)
    asking.join()
    cpu = processes.cpu_seconds(worker) - before
    failures = sum(viewer.state != "succeeded" or viewer.seen < 200 for viewer in viewers)
    first = [viewer.first_at - viewer.sent_at for viewer in viewers if viewer.first_at]
    ages = [age for viewer in viewers for age in viewer.ages]
    return [
        ("failures", str(failures), "0"),
        ("95th percentile to the first token, ms", f"{_percentile(first, 95) * 1000:.0f}", "400"),
        ("median age of a token when a viewer has it, ms", f"{statistics.median(ages) * 1000:.0f}", "-"),
        ("95th percentile of that age, ms", f"{_percentile(ages, 95) * 1000:.0f}", "150"),
        ("CPU per 1,000 tokens, s", f"{cpu / (STREAMS * 0.2):.3f}", "-"),
    ]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else values[0]


def _site_processes(scene: Scene) -> list[int]:
    assert scene.site.process
    return processes.tree(scene.site.process.pid)


def _bare_first_token(scene: Scene) -> float:
    address = urlsplit(scene.gateway)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    question = {"role": "user", "content": "20 tokens every 5 ms stamp"}
    body = {"model": "practice-steady", "stream": True, "messages": [question]}
    headers = {"Authorization": "Bearer sk-x", "Content-Type": "application/json"}
    began = time.time()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    while b"t1@" not in response.readline():
        pass
    took = time.time() - began
    connection.close()
    return took


def _our_first_token(scene: Scene) -> float:
    viewer = _viewer(scene.browser, "")
    viewer.open()
    time.sleep(0.1)
    asking = threading.Thread(target=_ask, args=(viewer, "20 tokens every 5 ms stamp"))
    asking.start()
    watch([viewer], until_ended=True, seconds=20)
    asking.join()
    return viewer.first_at - viewer.sent_at


def _cpu_per_thousand_tokens(scene: Scene) -> float:
    viewer = _viewer(scene.browser, "")
    viewer.open()
    time.sleep(0.1)
    worker = _site_processes(scene)
    before = processes.cpu_seconds(worker)
    _ask(viewer, "1000 tokens every 5 ms stamp")
    watch([viewer], until_ended=True, seconds=60)
    return processes.cpu_seconds(worker) - before


def _viewer(browser: Browser, question: str) -> Viewer:
    """Begin a conversation and return a viewer of its page, whose next question is `question`."""
    page = browser.ask("1 tokens every 1 ms", "practice-steady")
    while True:
        html = browser.page(page)
        if 'data-state="succeeded"' in html.rpartition("<article")[2]:
            break
        time.sleep(0.01)
    address = re.search(r'data-events="([^"]+)"', html)
    assert address
    return Viewer(browser, address[1].replace("&amp;", "&"), page, question)


def _ask_all(viewers: list[Viewer]) -> None:
    threads = []
    for viewer in viewers:
        thread = threading.Thread(target=_ask, args=(viewer, viewer.question))
        thread.start()
        threads.append(thread)
        time.sleep(SPREAD_SECONDS / len(viewers))
    for thread in threads:
        thread.join()


def _ask(viewer: Viewer, question: str) -> None:
    """Send as the page does: by its script, from the open page."""
    fields = {
        "send_id": str(uuid.uuid4()),
        "text": question,
        "model": "practice-steady",
        "csrfmiddlewaretoken": viewer.browser.cookies["csrftoken"],
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": viewer.cookies(),
        "HX-Request": "true",
    }
    connection = http.client.HTTPConnection("127.0.0.1", viewer.browser.site.port)
    viewer.sent_at = time.time()
    connection.request("POST", f"{viewer.page}send/", urlencode(fields), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    connection.close()
