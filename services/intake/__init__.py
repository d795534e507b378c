"""The only door for personal data."""
