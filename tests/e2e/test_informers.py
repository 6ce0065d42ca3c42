"""Other families of Kubernetes clients follow the API, through a restart of the process that serves it."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import kr8s
import kubernetes as typed_kubernetes
import pytest
import urllib3
from tests.e2e import manifests
from tests.e2e.informer import NUMBER, Broken, Gone, Informer, Object, Source
from tests.e2e.site import Site, until

from turnout.client import Client
from turnout.error import ApiError
from turnout.resources.kinds import VIRTUAL_SERVICE

pytestmark = pytest.mark.e2e

kubernetes: Any = typed_kubernetes  # half of it has types
GROUP, VERSION, NAMESPACE, PLURAL = "networking.istio.io", "v1", "default", "virtualservices"
NAMES = ("one", "two", "three")
PLACE = (GROUP, VERSION, NAMESPACE, PLURAL)


class PythonClient:
    """The Python client that Kubernetes itself publishes."""

    def __init__(self, site: Site) -> None:
        self._api = kubernetes.client.CustomObjectsApi(
            kubernetes.config.new_client_from_config(str(site.state / "kubeconfig"))
        )

    def listed(self) -> tuple[str, Sequence[Object]]:
        try:
            found = self._api.list_namespaced_custom_object(*PLACE)
        except (urllib3.exceptions.HTTPError, kubernetes.client.ApiException) as error:
            raise Broken from error
        return found["metadata"]["resourceVersion"], found["items"]

    def watched(self, version: str) -> Iterator[tuple[str, Object]]:
        list_them = self._api.list_namespaced_custom_object
        try:
            stream = kubernetes.watch.Watch().stream(list_them, *PLACE, resource_version=version, timeout_seconds=2)
            yield from ((event["type"], event["object"]) for event in stream)
        except kubernetes.client.ApiException as error:
            raise (Gone if error.status == 410 else Broken) from error
        except urllib3.exceptions.HTTPError as error:
            raise Broken from error

    def patch(self, name: str, body: Any) -> Object:
        found: Object = self._api.patch_namespaced_custom_object(*PLACE, name, body)
        return found

    def get(self, name: str) -> Object:
        found: Object = self._api.get_namespaced_custom_object(*PLACE, name)
        return found


class Kr8s:
    """A client that shares no code with the other."""

    def __init__(self, site: Site) -> None:
        self._api = kr8s.api(kubeconfig=str(site.state / "kubeconfig"))
        self._kind = f"{PLURAL}.{VERSION}.{GROUP}"

    def listed(self) -> tuple[str, Sequence[Object]]:
        try:
            found = [_raw(obj) for obj in self._api.get(self._kind, namespace=NAMESPACE)]
        except (httpx.HTTPError, kr8s.ServerError, kr8s.APITimeoutError) as error:
            raise Broken from error
        # It does not tell the list's own version; the newest object's may be older, and is no less right.
        return str(max(int(obj["metadata"]["resourceVersion"]) for obj in found)), found

    def watched(self, version: str) -> Iterator[tuple[str, Object]]:
        try:
            for kind, obj in self._api.watch(self._kind, namespace=NAMESPACE, since=version):
                if kind == "ERROR":
                    raise Gone
                yield kind, _raw(obj)
        except kr8s.ServerError as error:
            status = error.response.status_code if error.response is not None else 0
            raise (Gone if status == 410 else Broken) from error
        except (httpx.HTTPError, kr8s.APITimeoutError) as error:
            raise Broken from error


def _raw(obj: Any) -> Object:
    found: Object = obj.raw.to_dict()
    return found


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Three VirtualServices and nothing that runs: it starts at once."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        (site.folder / "tmp").mkdir()
        site.apply("services.yaml", *(named(manifests.service(), name) for name in NAMES))
        site.apply("routes.yaml", *(route(name) for name in NAMES))
        site.up("--no-dashboard")
        yield site
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def named(obj: Object, name: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "name": name}}


def route(name: str) -> Object:
    spec = {"hosts": [name], "http": [{"route": [{"destination": {"host": name}}]}]}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def counted(obj: Object) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(NUMBER, 0))


def test_two_writers_of_one_annotation_lose_nothing(site: Site) -> None:
    """Each reads, adds one, and writes guarded by what it read: with a client of its own, and its own kind of patch."""
    ours, theirs = threading.Thread(target=_count_ours, args=(site,)), threading.Thread(target=_count, args=(site,))
    ours.start()
    theirs.start()
    ours.join(60)
    theirs.join(60)
    assert counted(PythonClient(site).get("one")) == 400


def _count(site: Site) -> None:
    client = PythonClient(site)
    for _ in range(200):
        while True:
            live = client.get("one")
            metadata = {"resourceVersion": live["metadata"]["resourceVersion"]}
            try:
                client.patch("one", {"metadata": {**metadata, "annotations": {NUMBER: str(counted(live) + 1)}}})
                break
            except kubernetes.client.ApiException as error:
                if error.status != 409:
                    raise


def _count_ours(site: Site) -> None:
    with site.client() as client:
        for _ in range(200):
            while not _counted_up(client):
                pass


def _counted_up(client: Client) -> bool:
    live = client.get(VIRTUAL_SERVICE, NAMESPACE, "one")
    annotations = {**live["metadata"].get("annotations", {}), NUMBER: str(counted(live) + 1)}
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]
    try:
        client.patch(VIRTUAL_SERVICE, NAMESPACE, "one", operations, type="json")
    except ApiError as error:
        if error.status != 409:
            raise
        return False
    return True


def test_a_writer_is_warned_of_what_its_write_breaks(site: Site) -> None:
    with site.client() as client:
        for host in ("nowhere", "three"):
            rule = [{"route": [{"destination": {"host": host}}]}]
            client.patch(VIRTUAL_SERVICE, NAMESPACE, "three", {"spec": {"http": rule}})
            told = " ".join(client.warnings)
            assert ("nowhere" in told) == (host == "nowhere"), told


def test_informers_miss_nothing_through_a_restart_and_are_told_when_they_have_to_list_again(site: Site) -> None:
    old = PythonClient(site).listed()[0]
    informers = [Informer(PythonClient(site)), Informer(Kr8s(site))]
    for informer in informers:
        informer.start()
    until("both have listed", lambda: all(informer.lists for informer in informers))
    writer = _Writer(site)
    writer.start()
    until("it is being written", lambda: len(writer.written["two"]) > 20)
    site.ups[-1].kill()
    site.up("--no-dashboard")
    before = len(writer.written["two"])
    until("it is being written again", lambda: len(writer.written["two"]) > before + 20)
    writer.stop()
    poke = partial(_poke, PythonClient(site))
    final = {obj["metadata"]["name"]: counted(obj) for obj in PythonClient(site).listed()[1]}
    for informer in informers:
        until("the informer is up to date", partial(_knows, informer, final))
        informer.stop(poke)
        assert all(not informer.missed(name, writer.written[name]) for name in NAMES)
        assert all(values == sorted(values) for values in informer.seen.values()), "it went back in time"
        assert informer.gone + informer.resumed > 0
    for source in (PythonClient(site), Kr8s(site)):
        _is_gone(source, old)


def _poke(client: PythonClient) -> None:
    client.patch("one", {"metadata": {"labels": {"poked": str(time.time_ns())}}})


def _knows(informer: Informer, wanted: Mapping[str, int]) -> bool:
    return {name: counted(obj) for name, obj in informer.known.items()} == wanted


def _is_gone(source: Source, version: str) -> None:
    """The process that has started since does not know what was before it."""
    with pytest.raises(Gone):
        list(source.watched(version))


class _Writer:
    """Counts the three objects up in turn; what was acknowledged is in `written`."""

    def __init__(self, site: Site) -> None:
        self._client = PythonClient(site)
        self.written: dict[str, list[int]] = {name: [] for name in NAMES}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(20)

    def _run(self) -> None:
        value = 1000
        while not self._stopped.wait(0.005):
            value += 1
            for name in NAMES:
                try:
                    self._client.patch(name, {"metadata": {"annotations": {NUMBER: str(value)}}})
                    self.written[name].append(value)
                except (urllib3.exceptions.HTTPError, kubernetes.client.ApiException):
                    continue
