import pytest

from conversations.rendering.addresses import attachment_id, is_link, web_host


@pytest.mark.parametrize("address", ["https://a.b", "HTTP://a.b/c?d#e", "https://[::1]/", "mailto:a@b.c"])
def test_the_web_and_mail_may_be_linked(address):
    assert is_link(address)


@pytest.mark.parametrize(
    "address",
    ["", "/a", "//a.b", "#a", "?a", "a", "https:a", "https:/a", "https:///a", "https://", "mailto:"],
)
def test_a_path_of_our_own_host_may_not(address):
    assert not is_link(address)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://a.b/c", "a.b"),
        ("https://a.b@c.d:99/e", "c.d"),
        ("http://[::1/a", None),
        ("ftp://a.b/c", None),
        ("//a.b/c", None),
    ],
)
def test_the_host_of_a_picture_is_the_one_that_would_be_asked(address, host):
    assert web_host(address) == host


def test_only_a_whole_uuid_is_an_attachment():
    uuid = "0191b7f0-1111-2222-3333-444455556666"

    assert str(attachment_id(f"attachment:{uuid}")) == uuid
    assert attachment_id(f"attachment:{uuid}/") is None
    assert attachment_id(f"attachment:{uuid.replace('-', '')}") is None
