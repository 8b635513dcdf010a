"""The comparison as one HTML file, with its pictures inside; the tables can be sorted."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Comparison of systems</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root { color-scheme: light dark; --line: #8884; --accent: #1f6f8b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
div.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { cursor: pointer; white-space: normal; vertical-align: bottom; } th[aria-sort]::after { content: " ▾"; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; } tbody tr:hover { background: #8881; }
</style></head><body>
"""

_SCRIPT = """<script>
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const table = head.closest("table"), at = [...head.parentNode.children].indexOf(head);
  const up = head.getAttribute("aria-sort") === "descending";
  const value = row => row.children[at].textContent.replaceAll("−", "-");
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [parseFloat(value(a)), parseFloat(value(b))];
    if (isNaN(x) !== isNaN(y)) return isNaN(x) - isNaN(y);  // unknown values come last
    const order = isNaN(x) ? value(b).localeCompare(value(a)) : y - x;
    return up ? -order : order;
  });
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  table.tBodies[0].append(...rows);
});
</script></body></html>
"""


_MOST_ROWS = 60  # longer tables are collapsed


def render_html(markdown: str, pictures: Sequence[Path]) -> str:
    """Return the page for the comparison's Markdown; a target's pictures follow its first section."""
    left = list(pictures)
    parts = []
    for block in markdown.strip().split("\n\n"):
        parts.append(_block(block))
        if block.startswith("Friedman") or block.startswith("Too few"):
            target = next(part for part in reversed(parts) if part.startswith("<h2>"))[4:-5].lower()
            mine = [path for path in left if path.stem.partition("-")[2] == target]
            parts += [_picture(path) for path in mine]
            left = [path for path in left if path not in mine]
    return _HEAD + "\n".join([*parts, *map(_picture, left)]) + _SCRIPT


def _block(block: str) -> str:
    lines = block.split("\n")
    if lines[0].startswith("|"):
        return _table(lines)
    level = len(lines[0]) - len(lines[0].lstrip("#"))
    return f"<h{level}>{escape(block[level + 1 :])}</h{level}>" if level else f"<p>{escape(block)}</p>"


def _table(lines: Sequence[str]) -> str:
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    table = f'<div class="table"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'
    return table if len(rows) <= _MOST_ROWS else f"<details><summary>all {len(rows)}</summary>{table}</details>"


def _picture(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<p><img alt="{escape(path.stem)}" src="data:image/png;base64,{data}"></p>'
