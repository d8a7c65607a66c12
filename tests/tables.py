"""The tables of a page of HTML, read as a browser would."""

from html.parser import HTMLParser


class _Tables(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.inside = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.found.append([])
        elif tag == "tr":
            self.found[-1].append([])
        elif tag in ("td", "th"):
            self.found[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found[-1][-1][-1] += data


def tables(page: str) -> list[list[list[str]]]:
    """The words of each cell of each row of each table."""
    parser = _Tables()
    parser.feed(page)
    parser.close()
    return [
        [[" ".join(cell.split()) for cell in row] for row in table]
        for table in parser.found
    ]
