"""What VirtualServices and DestinationRules refer to, as who applies them sees it."""

from __future__ import annotations

from tests.analysis.samples import REVIEWS, routes, stock, told

from turnout.analysis.analyze import analyze, findings
from turnout.analysis.gateway_references import gateway_references
from turnout.analysis.inventory import Inventory
from turnout.analysis.subset_pods import subset_pods
from turnout.problem import Severity

TO_V9 = "[{route: [{destination: {host: reviews, subset: v9}}]}]"
ELSEWHERE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: client}
spec: {host: reviews.default.svc.cluster.local, exportTo: ["."], subsets: [{name: v9}]}
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front, namespace: default}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP, hostname: "*.shop.test"}]}
"""


def _codes(kept: Inventory) -> list[str]:
    return [problem.code for problem in analyze(kept) if problem.severity is Severity.ERROR]


def test_a_subset_that_nobody_defines_is_not_found() -> None:
    assert "IST0101" in _codes(stock(REVIEWS, routes(TO_V9)))


def test_a_subset_that_some_callers_do_not_see_is_told_apart_from_one_that_is_nowhere() -> None:
    found = [problem for problem in analyze(stock(REVIEWS, ELSEWHERE, routes(TO_V9))) if problem.code == "TNO307"]
    assert [problem.severity for problem in found] == [Severity.ERROR]
    assert "IST0101" not in _codes(stock(REVIEWS, ELSEWHERE, routes(TO_V9)))


def test_a_misspelt_host_is_told_with_what_was_meant() -> None:
    kept = stock(REVIEWS, routes("[{route: [{destination: {host: reviewz}}]}]"))
    [problem] = [problem for problem in analyze(kept) if problem.code == "IST0101"]
    assert problem.hint is not None
    assert problem.hint.startswith("did you mean reviews?")


def test_a_gateway_of_the_gateway_api_is_one_that_can_be_bound_to() -> None:
    to = "[{route: [{destination: {host: reviews}}]}]"
    bound = routes(to, head="hosts: [a.shop.test], gateways: [front]")
    elsewhere = routes(to, name="other", head="hosts: [a.test], gateways: [front]")
    assert not list(gateway_references(stock(REVIEWS, GATEWAY, bound)))
    assert [p.code for p in gateway_references(stock(REVIEWS, GATEWAY, elsewhere))] == ["IST0132"]


def test_a_subset_without_pods_is_told_and_deployments_count_as_pods() -> None:
    deployment = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1, namespace: default}
spec:
  selector: {matchLabels: {app: reviews, version: v1}}
  template:
    metadata: {labels: {app: reviews, version: v1}}
    spec: {containers: [{name: app, image: reviews}]}
"""
    found = told(list(subset_pods(stock(REVIEWS, deployment))))
    assert found == [
        "IST0173 DestinationRule default/reviews spec.subsets[1]: "
        "the subset v2 of reviews selects no pods: none is labelled app=reviews, version=v2"
    ]


def test_what_is_only_about_clusters_is_not_told_where_objects_run_here() -> None:
    kept = stock(REVIEWS.replace("name: http, ", ""))
    assert "IST0118" in {problem.code for problem in analyze(kept)}
    resources = [subject.resource for subject in kept.subjects]
    assert {problem.code for problem in findings(resources, kept.mesh)} == {"TNO303"}


def test_what_stands_for_a_listener_of_the_gateway_api_is_no_gateway_of_somebodys() -> None:
    route = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: reviews, namespace: default}
spec: {parentRefs: [{name: front}], hostnames: [a.shop.test], rules: [{backendRefs: [{name: reviews, port: 80}]}]}
"""
    kept = stock(REVIEWS, GATEWAY, route)
    assert not kept.gateways
    assert [problem.code for problem in analyze(kept)] == ["IST0173", "IST0173"]


def test_requests_that_go_to_a_subset_without_a_deployment_are_told_where_objects_run_here() -> None:
    deployment = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1, namespace: default}
spec:
  selector: {matchLabels: {app: reviews, version: v1}}
  template:
    metadata: {labels: {app: reviews, version: v1}}
    spec: {containers: [{name: app, image: reviews}]}
"""
    both = "[{route: [{destination: {host: reviews, subset: v1}}], mirror: {host: reviews, subset: v2}}]"
    kept = stock(REVIEWS, deployment, routes(both))
    found = findings([subject.resource for subject in kept.subjects], kept.mesh)
    assert "TNO312 VirtualService default/reviews spec.http[0].mirror.subset" in {f"{p.code} {p.where}" for p in found}
    assert len([problem for problem in found if problem.code == "TNO312"]) == 1
    assert "TNO312" not in {problem.code for problem in analyze(kept)}
