"""HTML: escaping, tables, sections, a page that stands alone."""

import base64
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from zap.evaluation.page import (
    Chart,
    Section,
    escape,
    page,
    paragraph,
    side_by_side,
    table,
)


class Text(HTMLParser):
    """Collects the text of a document and the tags that it holds."""

    def __init__(self, document):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(document)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_escaped_text_is_shown_as_it_is_and_makes_no_tags(text):
    found = Text(f"<p>{escape(text)}</p>")
    assert found.tags == ["p"]
    assert len(found.text) == len(text)
    shown = [a for a, b in zip(text, found.text, strict=True) if a != b]
    assert not any(character.isprintable() for character in shown)
    escape(text).encode("utf-8")


def test_surrogates_and_control_characters_do_not_reach_the_file():
    assert escape("a\ud800b") == "a?b"
    assert escape("a\x00\x1b\nb") == "a\ufffd\ufffd\nb"


def test_quotes_are_safe_in_attributes():
    assert '"' not in escape('" onload="x')
    assert "'" not in escape("' onload='x")


def test_a_table_names_its_rows_and_aligns_numbers():
    found = table(["Split", "Examples"], [["test", "7,071"]])
    assert '<th class="number" scope="col">Examples</th>' in found
    assert "<th>test</th>" in found
    assert '<td class="number">7,071</td>' in found
    assert 'class="scroll"' in found


def test_a_row_of_one_cell_is_the_title_of_a_group():
    found = table([], [["Rows"], ["read", "5"]])
    assert '<th colspan="2" scope="rowgroup">Rows</th>' in found
    assert "<thead>" not in found


def test_cells_are_escaped():
    assert "<b>" not in table(["<b>"], [["<b>", "<b>"]])
    assert "<b>" not in paragraph("<b>")


def test_a_chart_carries_its_picture_and_its_words():
    chart = Chart("curve", 'alt "text"', "how <to> read", b"<svg/>", b"png")
    found = chart.to_html()
    assert base64.b64encode(b"<svg/>").decode() in found
    assert 'alt="alt &quot;text&quot;"' in found
    assert "how &lt;to&gt; read" in found


def test_empty_parts_take_no_room():
    assert side_by_side("<p>a</p>", "") == '<div class="side"><div><p>a</p></div></div>'


def test_a_page_links_to_each_section():
    sections = [Section("one", "First & best", "<p>1</p>"), Section("two", "2nd", "")]
    found = page("title <x>", "<h1>q</h1>", sections, "end")
    assert "<title>title &lt;x&gt;</title>" in found
    assert '<a href="#one">First &amp; best</a>' in found
    assert '<section id="two">' in found
    assert found.startswith("<!DOCTYPE html>")
    assert "width=device-width" in found
    assert "@media print" in found
