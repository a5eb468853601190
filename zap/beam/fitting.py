"""Whether a generator, a mapping and a split go together, before any data are read."""

from __future__ import annotations

import pyarrow as pa

from zap.datasets.splits import NewestSplit, Split, TimeSplit
from zap.errors import DatasetError, GeneratorError
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.events.schema import canonical_schema
from zap.examples.generator import Generator
from zap.histories.identity import ADDED, PERSON, subject_columns


def check_fields(generator: Generator, mapping: EventMapping) -> None:
    """Check that the mapping gives all fields that the generator reads.

    Raises:
        GeneratorError: a field, or the subject, is not mapped.
    """
    schema = canonical_schema(mapping.property_types())
    have = set(schema.names)
    wanted = {*subject_columns(generator.subject), *(generator.fields() or ())}
    wanted |= {*generator.instance.reads.fields}
    for name in sorted(wanted):
        base = DERIVED[name].base if name in DERIVED else name
        if base not in have:
            raise GeneratorError(
                f"{generator.name} reads a field that the mapping does not give. "
                f"Received: field={name!r}. Declare it under [properties.{name}]; "
                f"there are: {', '.join(sorted(have))}."
            )
    bots = generator.bot_rules()
    if bots and bots.missing_agents and "user_agent" not in mapping.fields:
        raise GeneratorError(
            f"{generator.name} takes events without a user agent for bots', but the "
            "mapping gives none. Received: missing_agents=True. Map user_agent under "
            "[fields], or leave missing_agents out."
        )
    if generator.subject == PERSON:
        _check_person(generator, mapping)
    elif not pa.types.is_string(schema.field(generator.subject).type):
        raise GeneratorError(
            f"Expected the subject of {generator.name} to be text. Received: "
            f"field={generator.subject!r} of type "
            f"{mapping.property_types()[generator.subject]!r}. Declare it with type = "
            '"string" in the mapping.'
        )


def _check_person(generator: Generator, mapping: EventMapping) -> None:
    """Check that the mapping tells both ids, and takes no name that Zap adds.

    Raises:
        GeneratorError: it does not.
    """
    for name in subject_columns(PERSON):
        if name not in mapping.fields:
            raise GeneratorError(
                f"{generator.name} has subject = {PERSON!r}, which links anonymous_id "
                f"and user_id. Received: no {name} in the mapping. Declare it under "
                "[fields], or make the other one the subject."
            )
    for name in ADDED:
        if name in mapping.properties:
            raise GeneratorError(
                f"{generator.name} has subject = {PERSON!r}, a column that Zap adds. "
                f"Received: property={name!r}. Rename the property; its column may "
                "keep its name."
            )


def check_split(generator: Generator, split: Split) -> None:
    """Check that examples are not split by times that are made up.

    Raises:
        DatasetError: they would be.
    """
    if isinstance(split, TimeSplit | NewestSplit) and not generator.time_splits:
        raise DatasetError(
            f"Expected a split by subject: {generator.name} declares time_splits = "
            "False, since its dates are not real. Received: split by time. Leave "
            "--split out."
        )
