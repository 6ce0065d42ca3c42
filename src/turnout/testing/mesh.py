"""The mesh of a test: manifests in, requests out, and what came of them."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from turnout.cli.explanation import lines
from turnout.control.explained import Question, Unanswerable, explained
from turnout.error import TurnoutError
from turnout.mesh.names import fqdn
from turnout.mesh.service import ServiceHost, selects
from turnout.problem import Problem
from turnout.resources.spelling import closest
from turnout.testing import cast, manifests
from turnout.testing.address import Address, address
from turnout.testing.client import Answer, Client, Route, Sent, Tls, asked_by_many
from turnout.testing.engine import Engine, running_engine
from turnout.testing.received import Pod, Received
from turnout.testing.response import Response
from turnout.testing.split import Split
from turnout.testing.stage import Name, Stage
from turnout.testing.stand_in import MARK
from turnout.testing.upstream import Upstream

NAMESPACE = "default"
ANYBODY = (NAMESPACE, "test")
"""Who calls when a test does not say who: a workload without labels."""
TIMEOUT_SECONDS = 30.0
CLIENTS = 4
"""That ask at the same time, where order does not matter."""


class Mesh:
    """Gateways, routes and policies as manifests say, on a real Envoy; a stand-in answers for each pod.

    Services are named as callers do: `reviews`, `reviews.shop`, or in full. What cannot be done raises TurnoutError.
    """

    def __init__(self, engine: Engine) -> None:
        self._stage = Stage(engine)
        self._client = Client()

    def close(self) -> None:
        """Ends connections and stand-ins. Envoy stays for the next mesh."""
        self._client.close()
        self._stage.close()

    # --- what there is

    def apply(self, *sources: str | Path) -> None:
        """Manifests: files, folders, or YAML itself (a text of several lines). An object that was there is replaced.

        Returns when Envoy has it. Deployments are played by stand-ins, and so are Services that select none.
        """
        read, self._stage.remarks = manifests.read(sources)
        for manifest in read:
            self._stage.put(manifest)
        self._stage.renew()

    def delete(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        """Takes an object out: `mesh.delete("VirtualService", "reviews")`."""
        same = [key for key in self._stage.resources if key[0].kind == kind]
        found = [key for key in same if key[1] in (namespace, "") and key[2] == name]
        if not found:
            raise _unknown(f"{kind} {namespace}/{name}", name, (key[2] for key in same))
        for key in found:
            del self._stage.resources[key]
        self._stage.renew()

    def run(self, name: str, labels: Mapping[str, str], *, namespace: str = NAMESPACE, replicas: int = 1) -> None:
        """A workload that no manifest describes: Deployment `name` with pods of these labels."""
        self._stage.put_deployment(cast.deployment(name, labels, namespace, replicas))
        self._stage.renew()

    @property
    def problems(self) -> list[Problem]:
        """What does not fit in the manifests, or between them; what keeps one from being applied, `apply` raises."""
        return list(self._stage.world.problems)

    # --- requests

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: str | bytes = b"",
        json: Any = None,
        from_: str | None = None,
        gateway: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: Tls | None = None,
    ) -> Response:
        """One request, from the workload `from_` (`name`, or `namespace/name`), or through the URL's port of a gateway.

        `json` is sent as JSON. `tls`: certificates for https URLs; without it any of the gateway's will do.
        """
        to = address(url)
        content = body.encode() if isinstance(body, str) else body
        sent = {"host": to.authority, **{name.lower(): value for name, value in (headers or {}).items()}}
        if json is not None:
            content, sent = json_format.dumps(json).encode(), {"content-type": "application/json", **sent}
        if content or method in ("POST", "PUT", "PATCH"):
            sent = {"content-length": str(len(content)), **sent}
        route = self._route(to, from_, tls, gateway=gateway)
        target = to.target if gateway else f"http://{to.authority}{to.target}"
        return self._response(self._client.exchange(Sent(route, method, target, sent, content, timeout_seconds)))

    def get(self, url: str, **more: Any) -> Response:
        """As `request`."""
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> Response:
        """As `request`."""
        return self.request("POST", url, **more)

    def put(self, url: str, **more: Any) -> Response:
        """As `request`."""
        return self.request("PUT", url, **more)

    def patch(self, url: str, **more: Any) -> Response:
        """As `request`."""
        return self.request("PATCH", url, **more)

    def split(
        self,
        url: str,
        n: int = 1000,
        *,
        headers: Mapping[str, str] | Callable[[int], Mapping[str, str]] | None = None,
        from_: str | None = None,
        gateway: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Split:
        """`n` GETs, some at the same time, and who answered how many of them.

        `headers` may depend on the number of the request, from 0: `headers=lambda i: {"x-user": f"u{i}"}`.
        """
        to, of = address(url), headers if callable(headers) else lambda _: headers or {}
        route = self._route(to, from_, None, gateway=gateway)
        target = to.target if gateway else f"http://{to.authority}{to.target}"
        sent = ({"host": to.authority, **of(number)} for number in range(n))
        questions = [Sent(route, "GET", target, own, b"", timeout_seconds) for own in sent]
        answers = map(self._response, asked_by_many(questions, CLIENTS))
        return Split(Counter(answer.version or str(answer.status) for answer in answers))

    def explain(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        from_: str = "",
        gateway: bool = False,
    ) -> str:
        """Where a request goes, by which line, and why by no other: as `turnout explain` says it. None is sent."""
        question = Question(method, url, tuple((headers or {}).items()), from_, gateway)
        found = explained(self._stage.world, self._stage.gateways, question, self._stage.documents)
        if isinstance(found, Unanswerable):
            raise TurnoutError(f"{found.message}{': ' + found.hint if found.hint else ''}")
        return "\n".join(lines(found))

    # --- who received what

    def upstream(self, service: str, version: str | None = None) -> Upstream:
        """The stand-ins behind a service, or of one version of it: the label `version`, or a subset's name."""
        host = self._service(service)
        pods = [pod for pod in self._stage.stand_ins if self._belongs(pod, host)]
        chosen = [pod for pod in pods if version is None or self._is(pod, host, version)]
        if not chosen:
            raise _unknown(f"{version or 'any'} pod of {service}", version or "", (pod.version for pod in pods))
        return Upstream(self._stage.engine, [self._stage.stand_ins[pod] for pod in chosen])

    def received(self, service: str, version: str | None = None) -> list[Received]:
        """The requests that a service got, retries too, without copies."""
        return self.upstream(service, version).received

    def mirrored(self, service: str, version: str | None = None) -> list[Received]:
        """The copies that a service got; waits until none is under way."""
        return self.upstream(service, version).mirrored

    # --- where things are

    def _route(self, to: Address, from_: str | None, tls: Tls | None, *, gateway: bool) -> Route:
        if gateway and from_:
            raise TurnoutError("a request comes from a workload, or through a gateway, not both")
        return self._gateway(to, tls) if gateway else self._way_out(to, from_)

    def _gateway(self, to: Address, tls: Tls | None) -> Route:
        gateways = self._stage.gateways
        if to.port not in gateways:
            known = ", ".join(str(port) for port in sorted(gateways)) or "none"
            raise TurnoutError(f"no Gateway serves port {to.port}; ports of Gateways: {known}")
        return Route(gateways[to.port], (tls or Tls(to.host)) if to.secure else None)

    def _way_out(self, to: Address, from_: str | None) -> Route:
        if to.secure:
            raise TurnoutError("workloads call in plain http, which Turnout sees into; https is for gateways")
        caller = self._caller(from_) if from_ else ANYBODY
        if caller not in self._stage.callers:
            self._stage.callers.add(caller)
            self._stage.publish()
        return Route(self._stage.egress_port(caller))

    def _caller(self, written: str) -> Name:
        namespace, _, name = written.rpartition("/")
        known = self._stage.world.callers
        caller = (namespace or NAMESPACE, name)
        if caller not in known:
            raise _unknown(f"workload {caller[0]}/{caller[1]}", name, (own for _, own in known))
        return caller

    def _service(self, written: str) -> ServiceHost:
        known = self._stage.world.mesh.services
        candidates = (written, fqdn(written, NAMESPACE), f"{written}.svc.cluster.local", f"{written}.cluster.local")
        host = next((host for host in candidates if host in known), None)
        if host is None:
            raise _unknown(f"service {written}", written, (service.name for service in known.values()))
        return known[host]

    def _belongs(self, pod: Pod, host: ServiceHost) -> bool:
        return pod.namespace == host.namespace and selects(host.spec.selector, pod.labels)

    def _is(self, pod: Pod, host: ServiceHost, version: str) -> bool:
        subset = self._stage.world.mesh.policies[host.host].subset(version)
        return pod.version == version or (subset is not None and subset.labels.items() <= pod.labels.items())

    def _response(self, answer: Answer) -> Response:
        mark = answer.headers.get(MARK, "")
        name, _, serial = mark.partition("#")
        played = (own for pod, own in self._stage.stand_ins.items() if f"{pod.namespace}/{pod.name}" == name)
        stand_in = next(played, None) if mark else None
        received = stand_in.received.get(int(serial)) if stand_in else None
        return Response(answer.status, answer.headers, answer.body, answer.seconds, received)


@contextmanager
def running_mesh() -> Iterator[Mesh]:
    """A mesh on an Envoy of its own, which ends with it: for whatever is no pytest test."""
    with running_engine() as engine:
        mesh = Mesh(engine)
        try:
            yield mesh
        finally:
            mesh.close()


def _unknown(what: str, word: str, known: Iterable[str]) -> TurnoutError:
    names = sorted(set(known))
    near = closest(word, names)
    hint = f"did you mean {near}?" if near else f"there is {', '.join(names) or 'none'}"
    return TurnoutError(f"there is no {what}: {hint}")
