"""Scores each application for signs of TPPO and says why."""
