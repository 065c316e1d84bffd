"""Calls that go by a provider's batch endpoint: gathered in lanes of their own, sent, followed and found again."""
