"""Steps are named in words, whatever Beam makes of their functions."""

from __future__ import annotations

import apache_beam as beam
import pytest

from zap.beam.labels import label_readably, readable
from zap.beam.runner import make_pipeline


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ParDo(ReadEvents)", "Read events"),
        ("ParDo(CombineValuesDoFn)", "Combine values"),
        ("FlatMap(<lambda at core.py:4094>)", "Expand"),
        ("Map(decode)", "Decode"),
        ("Map(reify_metadata_default_window)", "Reify metadata default window"),
        ("CombineGlobally(SumCounts)", "Sum counts"),
        ("ParDo(HTTPServer2)", "Http server 2"),
        ("Read events", "Read events"),
        ("GroupByKey", "GroupByKey"),
    ],
)
def test_a_made_up_name_is_put_into_words(name: str, words: str) -> None:
    assert readable(name) == words


class ReadEvents(beam.DoFn):
    def process(self, element):
        yield element


def test_all_steps_keep_names_of_their_own_and_the_pipeline_runs() -> None:
    pipeline = make_pipeline([])
    numbers = pipeline | "Numbers" >> beam.Create([1, 2, 3])
    doubled = numbers | beam.Map(lambda x: 2 * x)
    _ = doubled | beam.Map(lambda x: x + 1)
    read = numbers | "Read" >> beam.ParDo(ReadEvents()).with_outputs(main="main")
    _ = read.main | "Sum" >> beam.CombineGlobally(sum) | beam.Map(print)
    label_readably(pipeline)
    proto = pipeline.to_runner_api()
    names = [t.unique_name for t in proto.components.transforms.values()]
    assert len(names) == len(set(names))
    assert {"Numbers/Expand", "Read/Read events", "Print"} <= set(names)
    assert not [name for name in names if "<" in name or "ParDo(" in name]
    steps = dict(proto.components.transforms)
    del steps[proto.root_transform_ids[0]]
    for each in steps.values():
        parts = (proto.components.transforms[part] for part in each.subtransforms)
        for part in parts:
            assert part.unique_name.startswith(each.unique_name)
    assert str(pipeline.run().wait_until_finish()) == "DONE"
