"""YAML text to typed, frozen resources that remember their lines. Pure: no I/O, no clock."""
