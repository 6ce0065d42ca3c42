"""Undocumented is failing, and so is a page that names what does not exist."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import turnout
from turnout.cli import COMMANDS, root
from turnout.inputs.images import IMAGE_KEYS, TOP_KEYS
from turnout.mesh import no_effect
from turnout.resources.kinds import KINDS

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = sorted(
    [*PROJECT.glob("*.md"), *DOCS.rglob("*.md"), *(PROJECT / "examples").glob("*/README.md")],
    key=lambda page: page.relative_to(PROJECT),
)

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return _FENCED.sub("", text(page))


def name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def options(command: click.Command) -> set[str]:
    """All spellings of the options that its help shows, and those of its own commands."""
    if isinstance(command, click.Group):
        return {spelling for own in command.commands.values() for spelling in options(own)}
    found = (option for option in command.params if isinstance(option, click.Option) and not option.hidden)
    return {spelling for option in found for spelling in (*option.opts, *option.secondary_opts)}


def command(of: str) -> click.Command:
    found = root.get_command(click.Context(root), of)
    assert found is not None
    return found


def sections(page: Path) -> dict[str, str]:
    """Heading of the second level to what stands below it."""
    parts = re.split(r"^## (.+)$", text(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# --- commands


def test_each_command_has_its_section_in_the_order_of_the_help() -> None:
    documented = [heading.removeprefix("turnout ") for heading in sections(DOCS / "commands.md")]

    assert documented == list(COMMANDS)


@pytest.mark.parametrize("of", COMMANDS)
def test_the_section_of_a_command_names_its_options_and_no_others(of: str) -> None:
    section = sections(DOCS / "commands.md")[f"turnout {of}"]
    documented = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", "\n".join(re.findall(r"^\| (.+?) \|", section, re.M))))

    assert documented == options(command(of))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_uses_only_commands_and_options_that_exist(page: Path) -> None:
    for used in re.findall(r"(?:^\$ |^|`)turnout ((?:init|up|down|[a-z]+)\b[^`\n|&#]*)", text(page), re.MULTILINE):
        words = used.split()
        if words[0] not in COMMANDS:
            assert not re.search(rf"`turnout {words[0]}", text(page)), f"{name(page)}: no command {words[0]}"
            continue
        given = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
        assert given <= options(command(words[0])) | {"--help"}, f"{name(page)}: turnout {used}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_names_only_make_targets_that_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text(PROJECT / "Makefile"), re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text(page), re.MULTILINE)) <= targets


def test_the_readme_names_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", text(PROJECT / "README.md"), re.MULTILINE))


# --- what YAML may say


def test_each_resource_kind_is_documented_with_its_api_version_in_the_order_of_application() -> None:
    rows = re.findall(r"^\| (\w+) \| `([\w./]+)` \|", text(DOCS / "resources.md"), re.MULTILINE)

    assert rows == [(kind.kind, kind.api_version) for kind in KINDS]


def test_each_field_without_effect_is_documented_under_its_kind() -> None:
    section = sections(DOCS / "resources.md")["What has no effect on one machine"]
    rows = dict(re.findall(r"^\| (\w+) \| (.+) \|$", section, re.MULTILINE))
    for kind, passed_over in no_effect._TABLE.items():
        documented = set(re.findall(r"`(\w+)", rows[kind]))
        fields = {[step for step in entry.path.split(".") if step != "*"][-1] for entry in passed_over}
        assert {no_effect._json(field) for field in fields} <= documented, kind


def test_each_key_of_turnout_yaml_is_documented() -> None:
    page = text(DOCS / "turnout-yaml.md")

    assert [key for key in TOP_KEYS if f"\n{key}:\n" not in page] == []
    assert [key for key in IMAGE_KEYS if f"\n| `{key}` |" not in page] == []


# --- pages


def anchor(heading: str) -> str:
    """As GitHub forms them."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower()).replace(" ", "-")


def links(page: Path) -> Iterator[str]:
    yield from (link for link in _LINK.findall(prose(page)) if not link.startswith(("http://", "https://", "mailto:")))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}"
        assert target.is_relative_to(PROJECT), f"{name(page)}: {link}"
        if fragment:
            assert fragment in {anchor(heading) for heading in _HEADING.findall(prose(target))}, f"{name(page)}: {link}"


def test_each_page_can_be_reached_from_the_readme() -> None:
    reached, pages = set[Path](), [PROJECT / "README.md"]
    while pages:
        page = pages.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            found = ((page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#")
            pages += [path / "README.md" if path.is_dir() else path for path in found]

    assert [name(page) for page in DOCS.rglob("*.md") if page.resolve() not in reached] == []


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    pages = sorted(page.name for page in (DOCS / "decisions").glob("[0-9]*.md"))

    assert [page[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert _LINK.findall(text(DOCS / "decisions" / "README.md")) == pages


# --- packages


def test_the_table_of_packages_is_the_import_contract_and_the_source_tree() -> None:
    rows = re.findall(r"^\| `(\w+)(?:\.py|/)` \|", text(PROJECT / "ARCHITECTURE.md"), re.MULTILINE)
    contract = configparser.ConfigParser()
    contract.read(PROJECT / ".importlinter")
    layers = contract["importlinter:contract:layers"]["layers"].split()
    sources = Path(turnout.__file__).parent
    modules = {path.stem for path in sources.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    assert rows == [layer for layer in reversed(layers) if layer != "__main__"]
    assert modules - {"__init__", "__main__"} == set(rows)


def test_what_the_table_calls_pure_is_what_the_contract_keeps_pure() -> None:
    rows = re.findall(r"^\| `(\w+)(?:\.py|/)` \|.*\| pure \|$", text(PROJECT / "ARCHITECTURE.md"), re.MULTILINE)
    contract = configparser.ConfigParser()
    contract.read(PROJECT / ".importlinter")

    assert contract["importlinter:contract:pure"]["source_modules"].split() == [f"turnout.{row}" for row in rows]
