"""Against real sockets, over TLS."""

import ssl

import pytest

from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.errors import (
    ConnectionFailed,
)
from tests.chainhub.loopback import Connection, gateway
from tests.chainhub.questions import (
    GOOD,
    KEY,
    SHORT,
    begun,
    cancelled_soon,
    good,
    hub,
    read,
)

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, and the context of a server that shows it."""
    # A module of its own, so that only these tests need what makes certificates.
    path = pytest.importorskip("tests.chainhub.certificates").write_certificate(
        tmp_path_factory.mktemp("tls")
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context


def test_an_answer_over_tls(certificate):
    path, context = certificate
    with gateway(good, tls=context) as server:
        client = hub(server.url, ca_bundle=str(path))

        assert read(client) == GOOD
        assert read(client) == GOOD


def test_cancelled_over_tls(certificate):
    path, context = certificate
    cancellation = Cancellation()
    with gateway(begun, tls=context) as server:
        with cancelled_soon(cancellation):
            read(hub(server.url, ca_bundle=str(path)), cancellation=cancellation)
        assert server.closed.wait(1)


def test_cancelled_in_the_tls_handshake(certificate):
    path, _ = certificate
    cancellation = Cancellation()
    with gateway(Connection.wait_for_close) as server:
        url = server.url.replace("http:", "https:")
        with cancelled_soon(cancellation):
            read(hub(url, ca_bundle=str(path)), cancellation=cancellation)
        assert server.closed.wait(1)


def test_a_tls_handshake_that_never_ends_times_out(certificate):
    path, _ = certificate
    with gateway(Connection.wait_for_close) as server, pytest.raises(ConnectionFailed) as caught:
        read(hub(server.url.replace("http:", "https:"), SHORT, ca_bundle=str(path)))

    assert (caught.value.kind, caught.value.sent, caught.value.retryable) == ("connect_timeout", False, True)


def test_a_certificate_that_nobody_vouches_for(certificate):
    _, context = certificate
    with gateway(good, tls=context) as server, pytest.raises(ConnectionFailed) as caught:
        read(hub(server.url))

    assert (caught.value.kind, caught.value.sent, caught.value.retryable) == ("tls_failed", False, False)


def test_a_tunnel_through_a_proxy(certificate):
    path, context = certificate

    def play(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        inner = Connection(context.wrap_socket(connection.sock, server_side=True))
        good(inner)
        inner.wait_for_close()
        inner.sock.close()

    with gateway(play) as proxy:
        client = hub("https://127.0.0.1:9", proxy=proxy.url, ca_bundle=str(path))

        assert read(client) == GOOD
        assert KEY.encode() not in proxy.connections[0].head
