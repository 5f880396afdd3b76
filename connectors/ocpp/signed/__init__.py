"""Signed meter values: whose they are, whether they are whole, what energy they prove."""
