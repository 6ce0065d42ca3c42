"""Change a live service safely: run old and new side by side, mirror, compare, shift, watch, go back."""

__version__ = "0.1.0"
