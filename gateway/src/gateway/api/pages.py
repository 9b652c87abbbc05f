"""HTML pages of the problem types. Self-contained, no scripts."""

import json
from html import escape
from importlib.resources import files

from bookcore.kit.problem import Problem, build_example_problem


def render_problem_page(problem: Problem) -> str:
    """Meaning of a problem type and what the client can do."""
    content = (
        f"<h1>{problem.status} {escape(problem.title)}</h1><p>{escape(problem.remedy)}</p>"
        f"<h2>Such as</h2><pre>{escape(_format_example(problem))}</pre>"
        f"<p class=quiet>type <code>/problems/{escape(problem.slug)}</code> · "
        "<a href=/docs>all operations</a> · <a href=/portal>portal</a></p>"
    )
    return _render_page(problem.title, content)


def _format_example(problem: Problem) -> str:
    return json.dumps(build_example_problem(problem), indent=2, ensure_ascii=False)


def _render_page(title: str, content: str) -> str:
    style = files("gateway.api").joinpath("pages.css").read_text()
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{style}</style><main>{content}</main></html>"
    )
