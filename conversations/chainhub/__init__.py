"""The client of the ChainHub gateway: requests and dataclasses, no Django, nothing of the house."""
