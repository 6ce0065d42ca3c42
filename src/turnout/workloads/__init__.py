"""Deployments as processes on this machine: build, start, probe, restart, drain, stop, and their logs."""
