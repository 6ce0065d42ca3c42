"""The composition root and the loop of `turnout up`: events in, desired world out."""
