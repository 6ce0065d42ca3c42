"""What would become of a request, as JSON carries it: `turnout explain`, of the running mesh or of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from turnout.control.file_place import Written
from turnout.control.ports import gateway_port
from turnout.control.presumed import presumed
from turnout.control.world import World, gateway_ports
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.problem import ObjectPath
from turnout.resources.document import Document
from turnout.resources.spelling import closest
from turnout.simulator.answer import Answer, RuleName
from turnout.simulator.domain import covering
from turnout.simulator.entrance import entrance
from turnout.simulator.request import Request, request
from turnout.simulator.simulation import Simulation

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.inputs.files import Manifests

JSON = dict[str, Any]
Documents = Mapping[tuple[str, str, str], Document]
"""Kind, namespace and name to where an object is written."""
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Question:
    """`caller`: `workload`, `namespace/workload`, or empty: somebody. `gateway`: from outside, whoever asks."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    caller: str = ""
    gateway: bool = False


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """The question does not fit the mesh."""

    message: str
    hint: str | None = None


def of_files(manifests: Manifests, question: Question) -> JSON | Unanswerable:
    """As if everything in the files were running, with gateways on their usual ports."""
    found = presumed(manifest.obj for manifest in manifests.objects)
    listen = {port: gateway_port(port, {}) for port in gateway_ports(found.mesh)}
    return explained(found, listen, question, documents(manifests))


def of_instance(instance: Instance, question: Question) -> JSON | Unanswerable:
    """Of the mesh as it is at this moment."""
    return explained(instance.world, instance.listen, question, documents(instance.files.manifests))


def documents(manifests: Manifests) -> dict[tuple[str, str, str], Document]:
    found = {}
    for manifest in manifests.objects:
        meta = manifest.obj["metadata"]
        found[manifest.kind.kind, meta.get("namespace", ""), meta["name"]] = manifest.document
    return found


def explained(world: World, listen: Mapping[int, int], question: Question, written: Documents) -> JSON | Unanswerable:
    """`listen`: Gateway port → where it is."""
    asked = request(question.method, question.url, question.headers)
    if asked is None:
        return Unanswerable(f"{question.url!r} is no URL", "such as http://reviews/api?q=1")
    proxy = _proxy(world, listen, question, asked)
    if isinstance(proxy, Unanswerable):
        return proxy
    answer = Simulation.of(world.mesh, proxy).answer(asked)
    return {"request": _asked(asked), "through": _through(proxy), **_answer(answer, world, written)}


def _proxy(world: World, listen: Mapping[int, int], question: Question, asked: Request) -> Proxy | Unanswerable:
    """Unless it is said, a name that the mesh inside knows is asked for from inside, any other from outside."""
    if question.caller:
        return _caller(world, question.caller)
    somebody = Egress(DEFAULT_NAMESPACE, "", 0)
    outside = entrance(world.mesh, listen, asked)
    if question.gateway:
        return outside or _closed(listen, asked)
    inside = covering(Simulation.of(world.mesh, somebody).table, asked.authority)
    return somebody if inside or outside is None else outside


def _caller(world: World, name: str) -> Egress | Unanswerable:
    namespace, slash, workload = name.rpartition("/")
    key = (namespace if slash else DEFAULT_NAMESPACE, workload)
    if key in world.callers:
        return Egress(*key, 0, world.callers[key])
    known = [
        f"{namespace}/{workload}" if namespace != DEFAULT_NAMESPACE else workload
        for namespace, workload in world.callers
    ]
    near = closest(name, known)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(sorted(known)[:10])}" if known else None
    return Unanswerable(f"no workload is called {key[0]}/{key[1]}", hint)


def _closed(listen: Mapping[int, int], asked: Request) -> Unanswerable:
    if not listen:
        return Unanswerable("no Gateway listens anywhere", "without --gateway, the mesh inside is asked")
    ports = ", ".join(f"{port} (on {real})" if port != real else str(port) for port, real in sorted(listen.items()))
    what = f"{asked.scheme}://{asked.authority}"
    return Unanswerable(f"no Gateway serves {what}", f"Gateways listen on {ports}")


def _asked(asked: Request) -> JSON:
    return {
        "method": asked.method,
        "scheme": asked.scheme,
        "host": asked.authority,
        "path": asked.path,
        "headers": [list(header) for header in asked.headers],
    }


def _through(proxy: Proxy) -> JSON:
    if isinstance(proxy, Ingress):
        return {"gateway": proxy.port, "listens_on": proxy.listen_port, "server": proxy.server or None}
    return {"namespace": proxy.namespace, "workload": proxy.workload or None}


def _answer(answer: Answer, world: World, written: Documents) -> JSON:
    found = asdict(answer)
    found["rule"] = _rule(answer.rule, world, written) if answer.rule else None
    found["passed"] = [
        {"rule": _rule(each.rule, world, written), "misses": list(each.misses)} for each in answer.passed
    ]
    return found


def _rule(rule: RuleName, world: World, written: Documents) -> JSON:
    place, root = rule.where, rule.delegated_by
    return {
        "name": rule.name,
        "when": rule.when,
        "object": asdict(place) if place else None,
        "where": _place(place, world, written) if place else None,
        "delegated_by": _place(root, world, written) if root else None,
    }


def _place(where: ObjectPath, world: World, written: Documents) -> str:
    """`file:line`. A rule that was added since, as mirrors are, stands in no file, and moves others."""
    document = written.get((where.kind, where.namespace, where.name))
    if where.kind != "VirtualService":
        return _line(document, where)
    for owner in world.mesh.virtual_services:
        if (owner.metadata.namespace, owner.metadata.name) == (where.namespace, where.name):
            _, _, route, *rest = where.fields
            assert isinstance(route, int)
            return Written.of(owner, document).where(route, *rest)
    return _line(document, where)


def _line(document: Document | None, where: ObjectPath) -> str:
    if document is None:
        return str(where)
    place = document.place(where.fields)
    return f"{place.file}:{place.line}"


def question(body: Any) -> Question | None:
    """From what a client posts; None: it is no question."""
    if not isinstance(body, Mapping) or not all(isinstance(body.get(field), str) for field in ("method", "url")):
        return None
    headers, caller = body.get("headers", []), body.get("from", "")
    if not isinstance(caller, str) or not isinstance(headers, list):
        return None
    pairs = list(_pairs(headers))
    if len(pairs) != len(headers):
        return None
    return Question(body["method"], body["url"], tuple(pairs), caller, body.get("gateway") is True)


def _pairs(headers: list[Any]) -> Iterator[tuple[str, str]]:
    for each in headers:
        if isinstance(each, list) and len(each) == 2 and all(isinstance(part, str) for part in each):
            yield each[0], each[1]
