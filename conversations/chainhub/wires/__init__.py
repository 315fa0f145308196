"""One module per wire format: PATH, build(request), decode(items), decode_reply(body). None knows another."""
