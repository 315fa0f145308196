"""What a browser loads for the first page after the sign-in."""

from __future__ import annotations

import gzip
import re

from bench.scene import Scene


def measure(scene: Scene) -> list[tuple[str, str, str]]:
    """Count the page and everything that it names, as sent to a browser that takes gzip."""
    html = scene.browser.get(f"{scene.site.url}/", headers={"Accept-Encoding": "identity"}).content
    size = len(gzip.compress(html, 6))
    addresses = {
        address.decode().partition("#")[0] for address in re.findall(rb'(?:src|href)="(/static/[^"]+)"', html)
    }
    for address in addresses:
        answer = scene.browser.get(
            f"{scene.site.url}{address}", headers={"Accept-Encoding": "gzip"}, stream=True
        )
        size += len(answer.raw.read(decode_content=False))
    return [
        ("bytes, compressed as sent, KB", f"{size / 1000:.1f}", "100"),
        ("requests", str(1 + len(addresses)), "12"),
    ]
