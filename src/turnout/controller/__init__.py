"""Rollouts of a cluster, moved on from wherever its API is reached: who may act, and the loop that does."""
