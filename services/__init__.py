"""The services of the early-warning system, and the words and the floor they share."""
