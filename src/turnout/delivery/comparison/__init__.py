"""Two versions' answers to the same requests: how they differ, how much of that is noise, and what it means. Pure.

An `exchange.Pair` goes through `difference.compare`, which redacts and says what differs; a `tally.Tally` counts that;
and `judgement.judge` tells differences from noise, honouring `expectation.Expectations`. `report` is that as data.
"""
