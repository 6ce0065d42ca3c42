"""Every flag that Envoy may set is explained, in a sentence."""

from __future__ import annotations

from envoy.config.accesslog.v3.accesslog_pb2 import ResponseFlagFilter
from validate.validate_pb2 import rules

from turnout.telemetry.flags import SENTENCES, in_words, split


def test_exactly_the_flags_that_envoy_knows_are_explained() -> None:
    field = ResponseFlagFilter.DESCRIPTOR.fields_by_name["flags"]
    known = field.GetOptions().Extensions[rules].repeated.items.string
    assert SENTENCES.keys() == set(getattr(known, "in"))


def test_each_explanation_is_one_sentence_of_its_own() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    for flag, sentence in SENTENCES.items():
        assert sentence[0].isupper(), flag
        assert sentence.endswith("."), flag
        assert sentence.count(".") == 1, flag
        assert flag not in sentence.split(), flag


def test_several_flags_are_explained_one_after_the_other() -> None:
    assert split("URX,UF") == ["URX", "UF"]
    assert in_words("URX,UF") == f"{SENTENCES['URX']} {SENTENCES['UF']}"


def test_no_flag_needs_no_word() -> None:
    assert (in_words("-"), in_words("")) == ("", "")


def test_a_flag_of_a_later_envoy_is_named_at_least() -> None:
    assert in_words("UH,XYZ") == f"{SENTENCES['UH']} Envoy set the flag XYZ."
