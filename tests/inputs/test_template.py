"""Marks in Helm's templates: which line a line of the output comes from, and which values it puts out."""

from __future__ import annotations

from pathlib import Path

import pytest
from helm_python import Chart
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.error import TurnoutError
from turnout.inputs.chart import Release
from turnout.inputs.helm import Library
from turnout.inputs.rendered import render as render_chart
from turnout.inputs.template import marked, unmarked
from turnout.inputs.template_values import references

RELEASE = Release()
CHART = b"apiVersion: v2\nname: shop\nversion: 0.1.0\n"
PARTIALS = b'{{- define "labels" }}\napp: shop\ntier: {{ .Values.tier }}\n{{- end }}'
VALUES = b"tier: web\nlist: [one, two]\nenabled: true\ntext: |\n  a\n  b\nmap: {k: {m: 5}}\n"


def render(template: str) -> str:
    files = {
        "Chart.yaml": CHART,
        "values.yaml": VALUES,
        "templates/_partials.tpl": PARTIALS,
        "templates/a.yaml": template.encode(),
    }
    return Library().render(files, "shop", RELEASE).get("shop/templates/a.yaml", "")


def lines(template: str) -> list[tuple[str, int]]:
    """The output, each line with that of the template; what the marks are taken out of is what Helm makes of it."""
    plain = render(template)
    text, origins = unmarked(render(marked(template)))
    assert text == plain
    return [(line, origin) for line, origin in zip(text.split("\n"), origins, strict=True) if line.strip()]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("a: 1\nb: 2\n", [("a: 1", 1), ("b: 2", 2)]),
        ("a: {{ .Values.tier }}-x\n", [("a: web-x", 1)]),
        ("{{/* a: \n }} */}}\n{{- if .Values.enabled }}\na: 1\n{{- end }}\nb: 2", [("a: 1", 4), ("b: 2", 6)]),
        ("{{- if .Values.off }}\na: 1\n{{- else }}\nb: 2\n{{- end }}", [("b: 2", 4)]),
        ("x:\n{{- range .Values.list }}\n- {{ . }}\n{{- end }}\n", [("x:", 1), ("- one", 3), ("- two", 3)]),
        (
            'l:\n  {{- include "labels" . | nindent 2 }}\nz: 1\n',
            [("l:", 1), ("  app: shop", 2), ("  tier: web", 2), ("z: 1", 3)],
        ),
        ('{{ "}}" }}: {{ `{{ "a" }}` | quote }}\nb: 1', [('}}: "{{ \\"a\\" }}"', 1), ("b: 1", 2)]),
        ("t: |\n{{ .Values.text | indent 2 }}\nb: 1\n", [("t: |", 1), ("  a", 2), ("  b", 2), ("b: 1", 3)]),
        ("{{- $v := .Values.tier -}}\n{{ $v }}: 1\n{{- with .Values.map }}\nx: {{ .k.m }}\n{{- end }}",
         [("web: 1", 2), ("x: 5", 4)]),
        ('{{ define "own" }}\nq: 1\n{{ end }}\nz: {{ (include "own" .) | len }}', [("z: 6", 4)]),
        ("a: {{- 1 -}} 2\n", [("a:12", 1)]),
    ],
)  # fmt: skip
def test_each_line_of_the_output_has_its_line_of_the_template(template: str, expected: list[tuple[str, int]]) -> None:
    assert lines(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("w: {{ .Values.a.b }}", {1: (("a", "b"),)}),
        ("w: {{ $.Values.a }}\nx: {{ .Release.Name }}", {1: (("a",),)}),
        ("{{ with .Values.a }}\nw: {{ .b }}\n{{ end }}\nx: {{ .Values.c }}", {2: (("a", "b"),), 4: (("c",),)}),
        ("{{ range .Values.a }}\n{{ .b }}{{ $.Values.c }}\n{{ end }}", {2: (("a", "*", "b"), ("c",))}),
        ("{{ range $i, $x := .Values.a }}\n{{ toYaml $x.http }}\n{{ end }}", {2: (("a", "*", "http"),)}),
        ("{{ $x := .Values.a }}\n{{ if .Values.c }}{{ $x.b }}{{ else }}1{{ end }}", {2: (("a", "b"),)}),
        ("{{ with .Values.a }}{{ else }}\n{{ .Values.c }}\n{{ end }}", {2: (("c",),)}),
        ('{{ include "x" .Values.a }}{{ "Values.b" }}', {1: (("a",),)}),
        ('{{ with dict "a" 1 }}\n{{ .b }}\n{{ end }}', {}),
        ('{{ define "x" }}\n{{ .Values.a }}\n{{ end }}', {}),
    ],
)
def test_the_values_that_a_line_puts_out(template: str, expected: dict[int, tuple[tuple[str, ...], ...]]) -> None:
    assert references(template) == expected


def test_the_charts_that_people_begin_with_lose_no_line(tmp_path: Path) -> None:
    Chart.create("shop", tmp_path).close()
    found = render_chart(tmp_path / "shop", Release(sets=("ingress.enabled=true,autoscaling.enabled=true",)))
    assert {template.path.name for template in found} >= {"deployment.yaml", "service.yaml", "ingress.yaml"}
    for template in found:
        assert len(template.origin.lines) == len(template.content.split("\n")), template.path
        source = template.origin.source.split("\n")
        for line, origin in zip(template.content.split("\n"), template.origin.lines, strict=True):
            key = line.strip().partition(":")[0]
            assert not key or key in source[origin - 1] or "{{" in source[origin - 1], (line, source[origin - 1])


SNIPPETS = st.sampled_from(
    [
        "a: 1\n",
        "\n",
        "  b: {{ .Values.tier }}\n",
        "c: {{- .Values.tier -}}\n",
        "{{- .Values.tier | quote }}: x\n",
        "# remark {{ .Values.tier }}\n",
        "{{/* remark */}}\n",
        "{{- /* a \n b */ -}}\n",
        "  {{- toYaml .Values.map | nindent 2 }}\n",
        'd: {{ include "labels" . | indent 2 }}\n',
        "{{ $x := 5 }}{{ $x }}\n",
        "e: |\n  {{ .Values.text | nindent 2 }}\n",
        '{{ "}}" }}{{ `{{` }}\n',
        "--- # next\n",
    ]
)
BLOCKS = st.sampled_from(
    [
        ("{{ if .Values.enabled }}\n", "{{ end }}\n"),
        ("{{- if .Values.off -}}\n", "{{- else }}\nx: 1\n{{- end -}}\n"),
        ("{{- range .Values.list }}\n- {{ . }}\n{{- end }}\n{{ with .Values }}", "{{- end }}"),
        ('{{ define "p" }}', '{{ end }}{{ template "p" . }}\n'),
    ]
)


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda block, text: block[0] + text + block[1], BLOCKS, inner)


@settings(max_examples=200, deadline=None)
@given(st.recursive(SNIPPETS, lambda inner: blocks(inner) | st.lists(inner, max_size=4).map("".join), max_leaves=12))
def test_marks_change_nothing_of_what_helm_makes_of_a_template(template: str) -> None:
    """Inside a `with` the values are not where they were: then Helm refuses both, or makes the same of both."""
    template = f"{template}\nz: 1\n"
    try:
        plain = render(template)
    except TurnoutError:
        with pytest.raises(TurnoutError):
            render(marked(template))
        return
    text, origins = unmarked(render(marked(template)))
    assert text == plain
    assert all(1 <= origin <= template.count("\n") + 1 for origin in origins)
