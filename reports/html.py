"""The HTML report: one file that asks the network for nothing and trusts nothing that the target said."""

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.model.money import in_usd
from conformance.model.results import Results
from reports import curves, exhibits, races, words
from reports.contents import VERIFICATION, contents, waived_until, waiver
from reports.controls import frameworks
from reports.fixes import snippets
from reports.hostile import cut, visible
from reports.sections import Sections, standing, tally


def render(results: Results) -> str:
    """The report as one HTML document; the same results give the same text."""
    style, script = _asset("style.css"), _asset("report.js")
    sections = Sections.of(results)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            sections=sections,
            contents=contents(results, sections),
            known={check.id: check for check in results.checks},
            names=frameworks(results),
            frameworks=exhibits.mapped(results),
            maps=exhibits.sheets(results.retention),
            chart=curves.chart(results.spend) if results.spend else None,
            timeline=curves.timeline(results.spend.calls) if results.spend else None,
            transport=exhibits.transport(results),
            waived_until=waived_until(results),
            verification=VERIFICATION,
            style=style,
            style_hash=_csp_hash(style),
            script=script,
            script_hash=_csp_hash(script),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters |= {
        "cut": cut,
        "duration": words.duration,
        "evidence_name": words.evidence_name,
        "lower_first": words.lower_first,
        "moment": words.moment,
        "of_limit": curves.percent_of_limit,
        "snippets": snippets,
        "standing": standing,
        "tally": tally,
        "usd": in_usd,
        "waiver": waiver,
    }
    environment.globals |= {"races": races, "words": words}
    return environment


def _shown(value: object) -> object:
    """What every `{{ }}` passes through before it is escaped, so that no template can forget it."""
    if isinstance(value, str) and not hasattr(value, "__html__"):  # markup is our own, and escaped already
        return visible(cut(value))
    return value


@cache
def _asset(name: str) -> str:
    return resources.files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    """The hash source of an inline element's whole text (CSP level 3, section 2.3.1), without its quotes."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
