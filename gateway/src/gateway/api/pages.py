"""The pages for people: the API's operations, and what to do about a problem. Self-contained, no scripts."""

import json
from html import escape
from importlib.resources import files

from bookcore.kit.openapi import Document, list_operations
from bookcore.kit.problem import Problem, build_example_problem


def docs_page(document: Document) -> str:
    """Every operation of an OpenAPI document by tag, as HTML."""
    groups: dict[str, list[str]] = {}
    for path, item in document.get("paths", {}).items():
        for method, operation in list_operations(item).items():
            tag = str((operation.get("tags") or ["other"])[0])
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    sections = (f"<h2>{escape(tag)}</h2>{''.join(rows)}" for tag, rows in groups.items())
    return _render_page(
        "Bookstream API", files("gateway.api").joinpath("docs.html").read_text(), "".join(sections)
    )


def render_problem_page(problem: Problem) -> str:
    """What a kind of error means and what the caller can do."""
    intro = (
        f"<h1>{problem.status} {escape(problem.title)}</h1><p>{escape(problem.remedy)}</p>"
        f"<h2>Such as</h2><pre>{escape(_shown(problem))}</pre>"
        f"<p class=quiet>type <code>/problems/{escape(problem.slug)}</code> · "
        "<a href=/docs>all operations</a> · <a href=/portal>portal</a></p>"
    )
    return _render_page(problem.title, intro, "")


def _shown(problem: Problem) -> str:
    return json.dumps(build_example_problem(problem), indent=2, ensure_ascii=False)


def _operation(method: str, path: str, operation: Document) -> str:
    lock = "" if operation.get("security") is None else "<small>needs a token</small>"
    parameters = [p for p in operation.get("parameters", []) if isinstance(p, dict) and "name" in p]
    rows = "".join(_parameter(parameter) for parameter in parameters)
    table = f"<table>{rows}</table>" if rows else ""
    words = escape(str(operation.get("description") or ""))
    return (
        f"<details><summary><b class={method}>{method.upper()}</b> <code>{escape(path)}</code> "
        f"<span class=quiet>{escape(str(operation.get('summary') or ''))}</span> {lock}</summary>"
        f"<p>{words}</p>{table}</details>"
    )


def _parameter(parameter: Document) -> str:
    schema = parameter.get("schema")
    kind = str(schema.get("type", "")) if isinstance(schema, dict) else ""
    need = "required" if parameter.get("required") else ""
    words = str(parameter.get("description") or "")
    cells = (f"<code>{escape(str(parameter['name']))}</code>", str(parameter.get("in", "")), kind, need)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + f"<td>{escape(words)}</td></tr>"


def _render_page(title: str, intro: str, body: str) -> str:
    style = files("gateway.api").joinpath("pages.css").read_text()
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{style}</style><main>{intro}{body}</main></html>"
    )
