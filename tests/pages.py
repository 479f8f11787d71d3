"""HTML as a browser reads it: what stands in it as text, and whether every element that begins also ends."""

from __future__ import annotations

from html.parser import HTMLParser

KNOWN = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "img"}
"""What notebooks keep of an HTML that they show."""


class Page(HTMLParser):
    """A piece of HTML, read.

    Raises:
        AssertionError: an element is not closed, or is none of those that are used here.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.images: list[dict[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"{self.open} are not closed"

    def handle_starttag(self, tag, attrs):
        assert tag in KNOWN, tag
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        elif tag == "img":
            self.images.append(dict(attrs))
        if tag != "img":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag != "img":
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open, f"{tag} ends and has not begun"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] in ("th", "td"):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(self.texts)
