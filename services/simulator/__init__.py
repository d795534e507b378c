"""Plays the passport system with synthetic people."""
