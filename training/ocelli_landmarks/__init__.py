"""Trains the network that finds 68 points in a face. Shares graph, export and descent with `ocelli_training`."""
