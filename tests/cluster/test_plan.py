"""What `kubectl apply` would make of live objects."""

from __future__ import annotations

import json
from typing import Any

from turnout.cluster.plan import LAST_APPLIED, applied


def service(*, said: dict[str, Any] | None = None, live: bool = False, **spec: Any) -> dict[str, Any]:
    notes = {"annotations": {LAST_APPLIED: json.dumps(said)}} if said else {}
    meta = {"name": "app", "namespace": "shop", **notes, **({"resourceVersion": "7"} if live else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def virtual_service(*weights: int) -> dict[str, Any]:
    route = [{"destination": {"host": "app", "subset": f"v{at}"}, "weight": w} for at, w in enumerate(weights)]
    meta = {"name": "app", "namespace": "shop"}
    spec = {"hosts": ["app"], "http": [{"route": route}]}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}


def test_what_the_cluster_filled_in_stays() -> None:
    (made,) = applied([service(type="ClusterIP")], [service(clusterIP="10.0.0.1", live=True)])

    assert made["spec"] == {"clusterIP": "10.0.0.1", "type": "ClusterIP"}


def test_what_was_shifted_since_goes_back_to_the_files() -> None:
    (made,) = applied([virtual_service(100, 0)], [virtual_service(40, 60)])

    assert made["spec"] == virtual_service(100, 0)["spec"]


def test_what_the_files_said_before_and_say_no_more_goes() -> None:
    live = service(
        said=service(externalName="a", type="X"), externalName="a", type="X", clusterIP="10.0.0.1", live=True
    )
    (made,) = applied([service(type="X")], [live])

    assert made["spec"] == {"type": "X", "clusterIP": "10.0.0.1"}


def test_what_is_new_comes_and_what_no_file_names_stays() -> None:
    other = service() | {"metadata": {"name": "other", "namespace": "shop"}}

    assert {obj["metadata"]["name"] for obj in applied([service()], [other])} == {"app", "other"}
