"""A page of HTML from a list of sections: escaping, tables, charts, style.

The page stands alone: styles are inline, charts are data URIs, there is no script and
nothing is fetched, so that it can be mailed, archived and opened anywhere. Whatever
comes from outside passes through ``escape``; only ``Section`` and ``page`` take HTML.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1b1f24; font: 16px/1.55 system-ui,
  -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 0 0 .35rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.6rem 0 .5rem; padding-top: .9rem;
  border-top: 1px solid #d5d9de; }
h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: #00598c; }
.kicker { color: #4f5661; margin: 0 0 .2rem; font-size: .95rem; }
.headline { font-size: 1.14rem; margin: .8rem 0 1.2rem; max-width: 50rem; }
.note { color: #4f5661; font-size: .92rem; }
.verdict { border-left: 4px solid #0072b2; padding: .25rem .8rem; background: #f2f7fb;
  max-width: 48rem; }
.verdict.warn { border-color: #d55e00; background: #fdf4ee; }
.cards { display: grid; grid-template-columns: repeat(3, 1fr); gap: .6rem;
  margin: 1rem 0; padding: 0; list-style: none; }
.cards li { border: 1px solid #d5d9de; border-radius: 6px; padding: .6rem .75rem; }
.cards b { display: block; font-size: 1.5rem; line-height: 1.2; }
.cards span { display: block; color: #4f5661; font-size: .86rem; line-height: 1.35; }
.cards .name { color: #1b1f24; font-weight: 600; margin-bottom: .15rem; }
nav { font-size: .93rem; margin: 1rem 0 0; }
nav a { display: inline-block; margin: 0 .9rem .3rem 0; }
.side { display: flex; flex-wrap: wrap; gap: 0 1.8rem; align-items: flex-start; }
.side > * { min-width: 0; max-width: 100%; }
figure { margin: 1rem 0; width: 24rem; max-width: 100%; }
figure img { display: block; width: 100%; height: auto; }
figcaption { color: #4f5661; font-size: .9rem; margin-top: .35rem; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .93rem; }
caption { text-align: left; color: #4f5661; padding-bottom: .3rem; }
th, td { padding: .32rem 1rem .32rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #e4e7eb; overflow-wrap: anywhere; }
th { font-weight: 600; overflow-wrap: normal; }
thead th { border-bottom: 2px solid #b8bec6; vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 6rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
td.long { min-width: 12rem; max-width: 40rem; }
tr.group th { padding-top: .9rem; font-weight: 600; color: #00598c; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; max-width: 46rem; }
footer { margin-top: 2.5rem; padding-top: .8rem; border-top: 1px solid #d5d9de;
  color: #4f5661; font-size: .88rem; }
@media (max-width: 30rem) {
  main { padding: 1rem .9rem 2rem; }
  h1 { font-size: 1.35rem; }
  .headline { font-size: 1.04rem; }
  .cards { grid-template-columns: 1fr 1fr; }
  .cards b { font-size: 1.3rem; }
  table { font-size: .88rem; }
  th, td { padding-right: .6rem; }
  tbody th { min-width: 4.5rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10pt; line-height: 1.4; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { margin-top: 1rem; padding-top: .5rem; break-after: avoid; }
  h3, caption { break-after: avoid; }
  figure, .cards li, tr, .verdict, dl > div { break-inside: avoid; }
  h1 { font-size: 16pt; }
  h2 { font-size: 12.5pt; }
  .headline { font-size: 11pt; margin: .4rem 0 .6rem; }
  .cards { margin: .5rem 0; gap: 2mm; }
  .cards li { padding: 1.5mm 2.5mm; }
  .cards b { font-size: 14pt; }
  .cards span, figcaption { font-size: 8.5pt; }
  .side { gap: 0 8mm; }
  figure { width: 8.6cm; margin: .4rem 0; }
  table { font-size: 9pt; }
  th, td { padding-top: .15rem; padding-bottom: .15rem; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
}
"""


@dataclass(frozen=True)
class Chart:
    """A chart that a page shows.

    Attributes:
        name: its file name without ending.
        alt: what it shows, for those who don't see it, as plain text.
        caption: how to read it, as plain text.
        svg: the chart as shown in the page.
        png: the chart as a picture, for slides and mails.
    """

    name: str
    alt: str
    caption: str
    svg: bytes
    png: bytes

    def to_html(self) -> str:
        """The chart as a figure with its caption."""
        data = base64.b64encode(self.svg).decode("ascii")
        return (
            f'<figure><img alt="{escape(self.alt)}" '
            f'src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes:
        anchor: its name in links: letters, digits and hyphens.
        title: its heading, as plain text.
        body: its content, as HTML that has been escaped already.
        charts: the charts that the body shows, to be written as files too.
    """

    anchor: str
    title: str
    body: str
    charts: tuple[Chart, ...] = ()

    def to_html(self) -> str:
        """The section with its heading."""
        return (
            f'<section id="{escape(self.anchor)}">\n'
            f"<h2>{escape(self.title)}</h2>\n{self.body}\n</section>"
        )


def escape(text: object) -> str:
    """``text`` so that HTML shows it as it is, in content and in attributes.

    No HTML file may hold control characters or unpaired surrogates; replacement
    characters and question marks are shown for them.
    """
    clean = str(text).encode("utf-8", "replace").decode("utf-8")
    shown = (c if c in "\n\t" or c.isprintable() else "\ufffd" for c in clean)
    return html.escape("".join(shown))


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text, with a class of the style if ``kind`` is given."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def side_by_side(*parts: str) -> str:
    """Parts (HTML) beside each other where there is room, else below each other."""
    return f'<div class="side">{"".join(f"<div>{p}</div>" for p in parts if p)}</div>'


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int = 1
) -> str:
    """A table that scrolls on narrow screens; the first cell of a row is its name.

    Args:
        head: the columns' headings; empty for no head.
        rows: cells as plain text; a row of one cell is the title of those after it.
        numbers_from: the first column that is aligned right.
    """
    columns = max([len(head), *(len(row) for row in rows)], default=0)
    parts = ['<div class="scroll"><table>']
    if head:
        cells = (_cell("th", i, text, numbers_from) for i, text in enumerate(head))
        parts.append(f"<thead><tr>{''.join(cells)}</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        if len(row) == 1 < columns:
            title = f'<th colspan="{columns}" scope="rowgroup">{escape(row[0])}</th>'
            parts.append(f'<tr class="group">{title}</tr>')
            continue
        cells = (
            _cell("td" if i else "th", i, text, numbers_from)
            for i, text in enumerate(row)
        )
        parts.append(f"<tr>{''.join(cells)}</tr>")
    parts.append("</tbody></table></div>")
    return "\n".join(parts)


def before_and_after(rows: Sequence[Sequence[str]]) -> str:
    """A table of what a calibration brought; of served predictions there is no before.

    Args:
        rows: a name, the number before and the number after; "-" for none.
    """
    if all(before == "-" for _, before, _ in rows):
        return table(["", "Found"], [[name, after] for name, _, after in rows])
    return table(["", "Before", "After"], rows)


def _cell(tag: str, place: int, text: str, numbers_from: int) -> str:
    if place >= numbers_from:
        kind = ' class="number"'
    else:
        kind = ' class="long"' if len(text) > 60 else ""
    scope = ' scope="col"' if tag == "th" and place else ""
    return f"<{tag}{kind}{scope}>{escape(text)}</{tag}>"


def page(title: str, opening: str, sections: Sequence[Section], footer: str) -> str:
    """The whole page.

    Args:
        title: of the browser's window, as plain text.
        opening: HTML above the list of sections.
        sections: in order.
        footer: plain text at the end.
    """
    links = "".join(
        f'<a href="#{escape(section.anchor)}">{escape(section.title)}</a>'
        for section in sections
    )
    body = "\n".join(section.to_html() for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{opening}
<nav aria-label="Sections">{links}</nav>
{body}
<footer>{escape(footer)}</footer>
</main>
</body>
</html>
"""
