"""Ranges and choices of a command line as distributions: `interval(1e-4,1e-2)`, `range(1,5)`, `choice(a,b)`, `a,b`."""

from __future__ import annotations

import math
from typing import cast

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution

from ser_lightning.search.space import between


def distribution(override: Override) -> BaseDistribution:
    """What a swept override draws from; raises HydraException where Optuna cannot.

    `tag(log, ...)` draws an interval in its logarithm, `int(...)` draws integers.
    """
    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            return between(cast("float", value.start), cast("float", value.end), log="log" in value.tags)
        if isinstance(value, RangeSweep):
            start, stop, step = (cast("float", number) for number in (value.start, value.stop, value.step))
            return between(start, start + step * (math.ceil((stop - start) / step) - 1), step=step)
        return CategoricalDistribution(list(dict.fromkeys(override.sweep_string_iterator())))
    except ValueError as error:
        raise HydraException(f"{override.input_line}: {error}") from error
