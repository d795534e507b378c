"""Channels: one file each. A channel sends one notice to one address and says done, later, or never; it decides nothing else."""
