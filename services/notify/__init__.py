"""Tells a liaison that something waits."""
