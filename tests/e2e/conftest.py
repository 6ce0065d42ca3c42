"""Sites: real `turnout up` processes with a real Envoy, each in a folder of its own, gone when the test ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.launch import Launch
from tests.e2e.mistakes import right, solved
from tests.e2e.numbers import random_numbers
from tests.e2e.site import Site


@pytest.fixture
def new_site() -> Iterator[Callable[[], Site]]:
    """`new_site()`: a laid out project, not started. Its path is short: sockets lie below it."""
    sites: list[Site] = []

    def lay_out() -> Site:
        site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
        sites.append(site)
        site.lay_out()
        return site

    yield lay_out
    for site in sites:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """A laid out project, not started."""
    return new_site()


@pytest.fixture
def running(one_site: Site) -> Iterator[Site]:
    """A site that runs, shared by the tests of a module; as it should be before each of them."""
    yield one_site
    solved(one_site)


@pytest.fixture(scope="module")
def one_site() -> Iterator[Site]:
    """A site that runs."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        right(site)
        site.up()
        yield site
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """The dark launch, running."""
    launch = Launch()
    try:
        launch.site.up()
        yield launch
    finally:
        launch.close()


@pytest.fixture(scope="module")
def numbers() -> Iterator[Site]:
    """The first article's application, running."""
    with random_numbers() as site:
        yield site
