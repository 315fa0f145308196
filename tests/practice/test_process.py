"""The gateway as a process of its own: how it starts, and that it never outlives who started it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.practice.asking import question

ROOT = Path(__file__).parents[2]


@contextmanager
def process(*options: str, flags: tuple[str, ...] = ()) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = [sys.executable, *flags, "-m", "conversations.practice", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline().decode()
            assert line.startswith("Practice gateway: http://127.0.0.1:"), line
            yield running, int(line.rpartition(":")[2])
        finally:
            running.kill()


def silent_stream(port: int) -> socket.socket:
    """A stream that never ends by itself."""
    body = str(question(model="practice-silence", stream=True)).replace("'", '"').replace("True", "true")
    head = "POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer any\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall((head + body).encode())
    assert connection.recv(15) == b"HTTP/1.1 200 OK"
    return connection


@pytest.mark.parametrize("flags", [(), ("-S",), ("-S", "-E"), ("-X", "dev", "-W", "error")])
def test_it_ends_with_its_standard_input(flags: tuple[str, ...]) -> None:
    with (
        process("--until-stdin-closes", "--speed", "50", flags=flags) as (running, port),
        silent_stream(port),
    ):
        assert running.stdin is not None
        running.stdin.close()

        assert running.wait(timeout=5) == 0


def test_it_ends_even_if_its_parent_is_killed() -> None:
    parent_code = (
        "import subprocess, sys\n"
        f"command = [{sys.executable!r}, '-m', 'conversations.practice', '--port', '0']\n"
        "command.append('--until-stdin-closes')\n"
        "subprocess.Popen(command, stdin=subprocess.PIPE).wait()\n"
    )
    command = [sys.executable, "-c", parent_code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"Practice gateway: http://127.0.0.1:")
        parent.kill()

        # The pipe of its standard output ends when the last who holds it is gone: the gateway.
        assert parent.stdout.read() == b""


def test_a_port_in_use_is_named() -> None:
    with process() as (_, port):
        command = [sys.executable, "-m", "conversations.practice", "--port", str(port)]
        refused = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)

    assert refused.returncode == 1
    assert f"can not listen on port {port}" in refused.stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_with_open_streams(number: signal.Signals) -> None:
    with process("--speed", "50") as (running, port), silent_stream(port):
        running.send_signal(number)

        assert running.wait(timeout=5) == 0


def test_without_the_option_it_outlives_its_standard_input() -> None:
    with process() as (running, port):
        assert running.stdin is not None
        running.stdin.close()

        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(timeout=0.5)
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_only_loopback_is_bound() -> None:
    with process() as (running, port):
        tables = [Path(f"/proc/{running.pid}/net/{name}") for name in ("tcp", "tcp6")]
        lines = [
            line.split() for table in tables if table.exists() for line in table.read_text().splitlines()
        ]
        # Column 1 is the address in hex, column 3 the state: 0A listens.
        listening = [line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")]

    if not listening:
        pytest.skip("no /proc/net here")
    assert listening == [f"0100007F:{port:04X}"]


def test_a_speed_of_nothing_is_refused() -> None:
    command = [sys.executable, "-m", "conversations.practice", "--speed", "0"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)

    assert refused.returncode == 2
    assert b"--speed must be above 0" in refused.stderr


def test_nothing_but_the_standard_library_is_imported() -> None:
    code = (
        "import sys, conversations.practice\n"
        "own = {'conversations', *sys.stdlib_module_names}\n"
        "found = {name.partition('.')[0] for name in sys.modules} - own - {'__main__'}\n"
        "house = {n for n in sys.modules if n.startswith('conversations.')"
        " and not n.startswith('conversations.practice')}\n"
        "heavy = {'ssl', 'email', 'http', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(str((found, house, heavy)) if found or house or heavy else 0)\n"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, check=False)

    assert run.stderr == b""
    assert run.returncode == 0
