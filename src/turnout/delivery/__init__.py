"""Decisions about a delivery: weights and mirrors as patches of VirtualServices. Pure."""
