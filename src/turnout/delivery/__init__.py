"""Decisions about a delivery: weights and mirrors as patches of VirtualServices, and when to move them. Pure."""
