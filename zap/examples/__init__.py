"""What an example generator is written with: ``from zap.examples import *``."""

from zap.encoding.aggregates import windows
from zap.encoding.features import (
    Hash,
    LinearBins,
    Normalize,
    OneHot,
    PowerBins,
    SincePrevious,
)
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import distinct, gap, maximum, mean, minimum
from zap.encoding.metadata import Last, Wait, tenure, trait
from zap.examples.bots import Bots
from zap.examples.cutoffs import (
    after,
    at,
    before_outcome,
    daily,
    each,
    monthly,
    nth,
    prediction_points,
    random_k,
)
from zap.examples.expressions import future, in_session, past, rest_of_session
from zap.examples.generator import Generator
from zap.examples.labels import classes
from zap.examples.predicates import (
    contains,
    event,
    ge,
    gt,
    le,
    lt,
    one_of,
    prefix,
    suffix,
)
from zap.examples.sessions import InactivityGap, WholeHistory
from zap.histories.bot_rules import Rate, Regularity

__all__ = [
    "ANY",
    "Bots",
    "Generator",
    "Hash",
    "InactivityGap",
    "Instance",
    "Last",
    "LinearBins",
    "Normalize",
    "OneHot",
    "PowerBins",
    "Rate",
    "Regularity",
    "SincePrevious",
    "Wait",
    "WholeHistory",
    "after",
    "at",
    "before_outcome",
    "classes",
    "contains",
    "daily",
    "distinct",
    "each",
    "event",
    "future",
    "gap",
    "ge",
    "gt",
    "in_session",
    "le",
    "lt",
    "maximum",
    "mean",
    "minimum",
    "monthly",
    "nth",
    "one_of",
    "past",
    "prediction_points",
    "prefix",
    "random_k",
    "rest_of_session",
    "suffix",
    "tenure",
    "trait",
    "windows",
]
