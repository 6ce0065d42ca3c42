"""Writes type stubs for Envoy's protobuf messages: `python scripts/stubs.py typings`.

xds-protos ships its messages without types, so mypy would see `Any` wherever a configuration is built. mypy-protobuf
is a plugin of protoc; protoc itself is not needed, because the wheel's modules carry their own descriptors: they are
packed into the request that protoc would have sent. All current messages are written, not only those in use now, so
that the folder never lags behind the sources. `google.protobuf` is left out: types-protobuf has its stubs.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import files
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor import FileDescriptor

WANTED = re.compile(r"(envoy/.*/v3|xds/.*/v3|opentelemetry/proto/.*)/\w+_pb2\.py")
TYPED_ELSEWHERE = "google/protobuf/"


def main() -> None:
    """Replaces the folder named on the command line."""
    target = Path(sys.argv[1])
    written = generate(descriptors(wanted_modules()))
    shutil.rmtree(target, ignore_errors=True)
    for stub in written.file:
        path = target / stub.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub.content)
    add_packages(target)
    print(f"{len(written.file)} stubs in {target}")


def wanted_modules() -> list[str]:
    """The wheel's modules of messages, without the API versions that Envoy no longer reads."""
    paths = map(str, files("xds-protos") or ())
    return sorted(path.removesuffix(".py").replace("/", ".") for path in paths if WANTED.fullmatch(path))


def descriptors(modules: Iterable[str]) -> list[FileDescriptor]:
    """The modules' .proto files and all that they import, each after what it imports, as protoc orders them."""
    found: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        if file.name in found:
            return
        for dependency in file.dependencies:
            add(dependency)
        found[file.name] = file

    for module in modules:
        add(importlib.import_module(module).DESCRIPTOR)
    return list(found.values())


def generate(files: Iterable[FileDescriptor]) -> CodeGeneratorResponse:
    """Asks mypy-protobuf as protoc would: a request on stdin, a response on stdout."""
    request = CodeGeneratorRequest(parameter="quiet,readable_stubs")
    for file in files:
        file.CopyToProto(request.proto_file.add())
        if not file.name.startswith(TYPED_ELSEWHERE):
            request.file_to_generate.append(file.name)
    plugin = [sys.executable, "-m", "mypy_protobuf.main"]
    answer = subprocess.run(plugin, input=request.SerializeToString(), stdout=subprocess.PIPE, check=True)
    return CodeGeneratorResponse.FromString(answer.stdout)


def add_packages(target: Path) -> None:
    """Makes every folder a package, so that mypy looks no further, into the untyped wheel; `google` stays open."""
    for folder in target.rglob("*"):
        if folder.is_dir() and folder != target / "google":
            (folder / "__init__.pyi").touch()


if __name__ == "__main__":
    main()
