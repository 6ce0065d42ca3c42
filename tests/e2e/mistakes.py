"""Mistakes that users make in files, and what is to be said about each."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from tests.e2e.manifests import document, gateway
from tests.e2e.site import Site

from turnout.resources.kinds import WANTED

ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: app}
spec:
  hosts: ["app.test"]
  gateways: [gateway]
  http:
    - name: main
      route:
        - destination: {host: app, subset: v1}
          weight: 100
        - destination: {host: app, subset: v2}
          weight: 0
"""
SETTINGS = f"""\
images:
  app:
    context: app
    run: {sys.executable} service.py
    watch: ["*.py"]
"""
FILE_BYTES = 2_000_000


def many_anchors() -> str:
    """Each level stands for nine of the one before: 9 to the power of thousands."""
    lines, size = ["a0: &a0 [x]\n"], 0
    while size < FILE_BYTES:
        before = f"*a{len(lines) - 1}"
        lines.append(f"a{len(lines)}: &a{len(lines)} [{', '.join([before] * 9)}]\n")
        size += len(lines[-1])
    return "".join(lines)


def deep_anchors() -> str:
    """An anchor in an anchor in an anchor."""
    depth = FILE_BYTES // 10
    return "a: " + "".join(f"&a{level} [" for level in range(depth)) + "]" * depth


@dataclass(frozen=True, slots=True)
class Mistake:
    """A file with a mistake in it, and what is to be said about it. No `text`: a link that leads nowhere."""

    file: str
    text: str | bytes | None
    where: str
    message: str
    hint: str = ""


def route(old: str, new: str, line: int, column: int, message: str, hint: str = "") -> Mistake:
    """ROUTE with something else in it."""
    assert ROUTE.count(old) == 1
    return Mistake("k8s/route.yaml", ROUTE.replace(old, new), f"k8s/route.yaml:{line}:{column}", message, hint)


def setting(old: str, new: str, line: int, column: int, message: str, hint: str = "") -> Mistake:
    """turnout.yaml with something else in it."""
    assert SETTINGS.count(old) == 1
    return Mistake("turnout.yaml", SETTINGS.replace(old, new), f"turnout.yaml:{line}:{column}", message, hint)


MISTAKES = {
    "YAML that ends too early": route('["app.test"]', '["app.test"', 6, 3, "`[` is not closed", "end them with `]`"),
    "a tab in the indentation": route("  gateways", "\tgateways", 6, 1, "a tab in the indentation", "spaces only"),
    "an unknown field": route("weight: 0", "weigth: 0", 13, 11, "weigth", "did you mean `weight`?"),
    "a negative weight": route("weight: 0", "weight: -1", 13, 11, "weight -1 < 0", "0 or more"),
    "weights that total 0": route("weight: 100", "weight: 0", 9, 7, "total destination weight = 0", "above 0"),
    "a value of the wrong type": route("{host: app, subset: v2}", "app", 12, 11, "expected a mapping, not the text"),
    "a key that is given twice": route("  gateways:", "  hosts: []\n  gateways:", 6, 3, '"hosts" is given twice'),
    "an alias without its anchor": route("[gateway]", "*gateways", 6, 13, "no anchor `&gateways`"),
    "no apiVersion": route("apiVersion: networking.istio.io/v1\n", "", 1, 1, "`apiVersion` is missing", "starts with"),
    "an object that is in another file too": Mistake(
        "k8s/same.yaml", ROUTE, "k8s/same.yaml:1:1", "VirtualService default/app is also in k8s/route.yaml:1:1", "keep"
    ),
    "an empty file": Mistake("k8s/route.yaml", "", "k8s/route.yaml:1:1", "the file is empty", "delete the file"),
    "no text at all": Mistake(
        "k8s/route.yaml", bytes(range(128, 256)), "k8s/route.yaml:1:1", "not UTF-8 text", "save the file as UTF-8"
    ),
    "a link that leads nowhere": Mistake("k8s/link.yaml", None, "k8s/link.yaml:1:1", "No such file", "check the path"),
    "anchors that multiply": Mistake("k8s/many.yaml", many_anchors(), "k8s/many.yaml:6:", "aliases stand for", "split"),
    "anchors within anchors": Mistake("k8s/deep.yaml", deep_anchors(), "k8s/deep.yaml:1:", "nested deeper", "split"),
    "an image without a way to run": setting(
        f"    run: {sys.executable} service.py\n", "", 2, 3, "image `app` has neither `run` nor `attach`", "add `run"
    ),
    "an unknown key in turnout.yaml": setting("context", "contxt", 3, 5, "unknown key `contxt`", "mean `context`?"),
    "a folder that does not exist": setting(": app", ": ap", 3, 5, "context `ap` does not exist", "relative to"),
}  # fmt: skip


def make(site: Site, mistake: Mistake) -> None:
    path = site.folder / mistake.file
    if mistake.text is None:
        path.symlink_to(site.folder / "nowhere")
    elif isinstance(mistake.text, bytes):
        path.write_bytes(mistake.text)
    else:
        site.write(mistake.file, mistake.text)


def right(site: Site) -> None:
    """Everything as it should be."""
    site.write("k8s/route.yaml", ROUTE)
    site.write("k8s/gateway.yaml", document(gateway()))
    site.write("turnout.yaml", SETTINGS)
    for name in ("same", "link", "many", "deep", "more"):
        (site.folder / "k8s" / f"{name}.yaml").unlink(missing_ok=True)


def live(site: Site) -> dict[str, Any]:
    """Every object's spec."""
    with site.client() as client:
        objects = [item for kind in WANTED for item in client.list(kind)["items"]]
    return {f"{item['kind']}/{item['metadata']['name']}": item.get("spec", item.get("data")) for item in objects}


def only(site: Site, code: str) -> dict[str, Any]:
    """The one problem, once there is one."""

    def found(status: dict[str, Any]) -> dict[str, Any] | None:
        return next((problem for problem in status["problems"] if problem["code"] == code), None)

    problem = site.until_status(f"{code} is shown", found)
    assert [other["code"] for other in site.status()["problems"]] == [code]
    return problem


def solved(site: Site) -> None:
    right(site)
    site.until_status("it is solved", lambda status: not status["problems"] and status["up_to_date"])
