"""The practice gateway: an imitation of ChainHub on loopback, for first steps, tests and benchmarks.

It imports the standard library only and nothing of the house, so that it starts at once as a child process
(`python -m conversations.practice --port 0`) and says the same whatever happens in the house. A test or a
script runs it in a thread:

    from conversations import practice

    with practice.running(speed=50) as gateway:
        gateway.url, gateway.seen()
"""

from conversations.practice.server import Gateway, running, serve

__all__ = ["Gateway", "running", "serve"]
