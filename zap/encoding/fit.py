"""Fitting: the parameters that an instance leaves open are set from train's values.

Each shard is sketched by itself, sketches are merged, and ``fit`` turns them into round
numbers. Sketch the training subjects' cutoffs and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from zap.encoding import nice
from zap.encoding.aggregates import Aggregates, Scale
from zap.encoding.encoder import feature_of, hashes, unfitted, with_edges
from zap.encoding.feature import Feature
from zap.encoding.features import Hash, LinearBins, Normalize, OneHot, PowerBins
from zap.encoding.instance import AnyType, Instance
from zap.encoding.metadata import Last, Metadata, Tenure, Wait
from zap.encoding.sketch import MOST_TEXTS, Numbers, Texts
from zap.encoding.sketching import SketchSet, sketch_instance
from zap.errors import EncodingError

__all__ = ["SketchSet", "fit", "is_fitted", "sketch_instance"]

MOST_TYPES = 50
MOST_VALUES = 50
BUCKETS = (256, 512, 1024, 2048, 4096, 8192)
MOST_COLLISIONS = 0.05


def is_fitted(instance: Instance) -> bool:
    """True when no parameter of the instance is left open."""
    return not unfitted(instance)


def fit(instance: Instance, sketches: SketchSet) -> Instance:
    """The instance with every open parameter set, and all edges as numbers.

    Args:
        instance: what to fit; parameters that it declares stay as they are.
        sketches: of the training examples, all shards merged.

    Raises:
        EncodingError: a one-hot field, or the type, has too many distinct values.
    """
    fields = [
        _fit_feature(feature, f"fields.{i}", sketches)
        for i, feature in enumerate(instance.fields)
    ]
    metadata: list[Metadata] = [
        _fit_source(source, f"metadata.{i}", sketches)
        for i, source in enumerate(instance.all_metadata)
    ]
    waits = [source for source in metadata if isinstance(source, Wait)]
    aggregates = [
        _fit_aggregates(each, f"aggregates.{i}", instance, sketches)
        for i, each in enumerate(instance.all_aggregates)
    ]
    fitted = dataclasses.replace(
        instance,
        fields=fields,
        metadata=[source for source in metadata if not isinstance(source, Wait)],
        wait=waits[0] if waits else False,
        aggregates=aggregates,
        hash_buckets=_fit_buckets(
            instance.hash_buckets, fields, sketches.texts.get("hash_buckets")
        ),
        metadata_buckets=_fit_buckets(
            instance.metadata_buckets,
            [feature_of(source) for source in metadata],
            sketches.texts.get("metadata_buckets"),
        ),
    )
    return with_edges(fitted)


def _fit_feature(feature: Feature, slot: str, sketches: SketchSet) -> Feature:
    if feature.fitted:
        return feature
    numbers = sketches.numbers.get(slot, Numbers({}))
    if isinstance(feature, PowerBins):
        step, linear_cutoff, cutoff, last = nice.power_parameters(numbers)
        return dataclasses.replace(
            feature, step=step, linear_cutoff=linear_cutoff, cutoff=cutoff, last=last
        )
    if isinstance(feature, LinearBins):
        width, bins = nice.linear_parameters(numbers)
        return dataclasses.replace(feature, width=width, bins=bins)
    if isinstance(feature, Normalize):
        low, high = nice.range_parameters(numbers)
        return dataclasses.replace(feature, low=low, high=high)
    assert isinstance(feature, OneHot), feature
    found = sketches.texts.get(slot, Texts({}))
    fix = "Use Hash, or declare the values."
    values = _commonest(found, MOST_VALUES, repr(feature.field), fix)
    return dataclasses.replace(feature, values=values)


def _commonest(texts: Texts, most: int, what: str, fix: str) -> tuple[str, ...]:
    if texts.cut:
        raise EncodingError(
            f"The commonest values of {what} can only be told where there are at most "
            f"{MOST_TEXTS} distinct ones. Received: more. {fix}"
        )
    return texts.most_common(most)


def _fit_source(source: Metadata, slot: str, sketches: SketchSet) -> Metadata:
    if not isinstance(source, Last):
        fitted = _fit_feature(source, slot, sketches)
        assert isinstance(fitted, (Tenure, Wait))
        return fitted
    encode = source.encode
    if encode is None:
        encode = _default_feature(source.field, slot, sketches)
    return dataclasses.replace(source, encode=_fit_feature(encode, slot, sketches))


def _default_feature(field: str, slot: str, sketches: SketchSet) -> Feature:
    """Hash for text; for numbers power-law bins, or a range if some are below 0."""
    numbers = sketches.numbers.get(slot, Numbers({}))
    if not numbers.count:
        return Hash(field)
    return Normalize(field) if numbers.negative else PowerBins(field)


def _fit_aggregates(
    aggregates: Aggregates, slot: str, instance: Instance, sketches: SketchSet
) -> Aggregates:
    types = aggregates.types
    if aggregates.by is not None and types is None:
        types = instance.types if not isinstance(instance.types, AnyType) else None
        found = sketches.texts.get("types", Texts({}))
        fix = "Declare the instance's types."
        types = types or _commonest(found, MOST_TYPES, "'type'", fix)
    scales = aggregates.scales
    if scales is None:
        sketched = [
            (measure, sketches.numbers.get(f"{slot}.{m}", Numbers({})))
            for m, measure in enumerate(aggregates.measures)
        ]
        scales = [
            Scale(nice.scale_parameter(numbers), measure.change or numbers.negative)
            for measure, numbers in sketched
        ]
    return dataclasses.replace(aggregates, types=types, scales=scales)


def _fit_buckets(
    declared: int | None, features: Sequence[Feature], found: Texts | None
) -> int | None:
    """The fewest buckets that lose at most 5 % of train's strings to collisions."""
    if declared is not None or not hashes(features):
        return declared
    if found is None:
        return BUCKETS[0]
    strings = np.array([int(text) for text in found.counts], np.int64)
    for buckets in BUCKETS:
        lost = len(strings) - len(np.unique(strings % buckets))
        if lost <= MOST_COLLISIONS * len(strings) and not found.cut:
            return buckets
    return BUCKETS[-1]
