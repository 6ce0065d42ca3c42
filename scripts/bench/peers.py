"""Other proxies that split traffic by weight: Traefik and nginx, configured for the same job."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.bench.envoy import HOST, WORKERS
from scripts.bench.program import await_ok, free_ports, started

from turnout.process import Process

ROUTES = "traefik-routes.yaml"

_NGINX = """\
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {upstreams}
  split_clients $request_id $version {{ 50% v1; * v2; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    {locations}
  }}
}}
"""
_UPSTREAM = "upstream {name} {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000; }}"
_SPLIT = "location / { proxy_pass http://$version; }"
_MIRROR = """location / { mirror /copy; mirror_request_body off; proxy_pass http://v1; }
    location = /copy { internal; proxy_pass http://v2$request_uri; }"""


def program(name: str) -> str | None:
    """Beside this Python, or on the PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


@contextmanager
def traefik(folder: Path, port: int, versions: Mapping[str, int]) -> Iterator[Process]:
    """Weighted round robin from a file, Prometheus metrics of routers and services on."""
    binary = program("traefik")
    assert binary is not None
    write_traefik_weights(folder, versions, dict.fromkeys(versions, 1))
    (admin,) = free_ports(1)
    flags = {
        "entrypoints.web.address": f"127.0.0.1:{port}",
        "entrypoints.admin.address": f"127.0.0.1:{admin}",
        "providers.file.filename": folder / ROUTES,
        "metrics.prometheus": "true",
        "metrics.prometheus.entrypoint": "admin",
        "metrics.prometheus.addrouterslabels": "true",
        "metrics.prometheus.addserviceslabels": "true",
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
        "log.level": "ERROR",
    }
    argv = [binary, *(f"--{flag}={value}" for flag, value in flags.items())]
    with started(argv, folder, {"GOMAXPROCS": str(WORKERS)}) as process:
        await_ok(port, HOST)
        yield process


def write_traefik_weights(folder: Path, versions: Mapping[str, int], weights: Mapping[str, int]) -> None:
    """Its routes; a running one watches the file."""
    (folder / ROUTES).write_text(json.dumps(_traefik_routes(versions, weights)))


def _traefik_routes(versions: Mapping[str, int], weights: Mapping[str, int]) -> object:
    services: dict[str, object] = {
        version: {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}]}}
        for version, port in versions.items()
    }
    services["split"] = {
        "weighted": {"services": [{"name": version, "weight": weights[version]} for version in versions]}
    }
    router = {"rule": f"Host(`{HOST}`)", "service": "split", "entryPoints": ["web"]}
    return {"http": {"routers": {"bench": router}, "services": services}}


@contextmanager
def nginx(folder: Path, port: int, versions: Mapping[str, int], *, mirror: bool = False) -> Iterator[Process]:
    """`split_clients`, by a random id; or everything to v1 and a `mirror` to v2."""
    binary = program("nginx")
    assert binary is not None
    own = folder / ("nginx-mirror" if mirror else "nginx-split")
    own.mkdir()
    upstreams = "\n  ".join(_UPSTREAM.format(name=version, port=to) for version, to in versions.items())
    config = own / "nginx.conf"
    locations = _MIRROR if mirror else _SPLIT
    config.write_text(_NGINX.format(workers=WORKERS, folder=own, upstreams=upstreams, port=port, locations=locations))
    with started([binary, "-p", own, "-c", config], own) as process:
        await_ok(port, HOST)
        yield process
