"""The words of definitions as one page of HTML, with nothing to load from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape

from funnelflow.cli.render_glossary import criteria_texts
from funnelflow.compare import Entry, Meaning, Way

__all__ = ["glossary_page"]

_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:2px solid #ddd;text-transform:capitalize}
.meanings{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1rem}
section{border:1px solid #ddd;border-radius:.5rem;padding:0 1rem 1rem}
h3{margin-bottom:0}.stage,.owner,.from{color:#666}li{margin:.2rem 0}"""


def glossary_page(entries: Sequence[Entry], titles: Mapping[str, str]) -> str:
    """Write the page.

    Args:
        entries: The words.
        titles: The title of each definition, by its name.
    """
    listed = "".join(
        f"<li><strong>{escape(name)}</strong>: {escape(title)}</li>"
        for name, title in titles.items()
    )
    words = "\n".join(_entry(entry) for entry in entries)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>What we mean by our words</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        f"<h1>What we mean by our words</h1>\n<ul>{listed}</ul>\n{words}\n</body>\n</html>\n"
    )


def _entry(entry: Entry) -> str:
    meanings = "\n".join(_meaning(meaning) for meaning in entry.meanings)
    return f'<h2>{escape(entry.word)}</h2>\n<div class="meanings">\n{meanings}\n</div>'


def _meaning(meaning: Meaning) -> str:
    owner = f'<p class="owner">looked after by {escape(meaning.owner)}</p>' if meaning.owner else ""
    about = f"<p>{escape(meaning.about)}</p>" if meaning.about else ""
    ways = "".join(_way(way) for way in meaning.ways)
    to_do = f"<p>What to do</p>{_list(meaning.playbook)}" if meaning.playbook else ""
    stage = f'<p class="stage">{escape(meaning.stage)}</p>'
    return (
        f"<section><h3>{escape(meaning.definition)}</h3>{stage}"
        f"{about}{owner}{ways}{to_do}</section>"
    )


def _way(way: Way) -> str:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    texts = [text.strip().removeprefix("• ") for text in criteria_texts(way.rule)]
    return f'<p class="from">from {escape(", ".join(way.source))}{escape(takes)}</p>{_list(texts)}'


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""
