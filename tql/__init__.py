"""Tensor Query Language: compile it, run it at memory speed, stream the rows into training."""
