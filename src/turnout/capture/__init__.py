"""Two versions' answers to the same requests, as Envoy saw them: taken from its tap, paired, and judged.

A comparer is a process of its own: what it does never slows a change, and Envoy waits for nobody who reads slowly.
"""
