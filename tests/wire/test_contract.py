"""Every statement of docs/reference/wire.md has a test that would fail without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
STATEMENT = re.compile(r"^- \*\*([A-Z]\d+)\*\*", re.MULTILINE)
PROOF: dict[str, tuple[str, ...]] = {
    "T1": ("wire/test_topics.py::test_a_topic_comes_back_as_its_parts",),
    "T2": (
        "wire/test_topics.py::test_the_partition_is_the_same_for_ever",
        "wire/test_topics.py::test_what_is_outside_the_scheme_is_refused",
    ),
    "T3": (
        "collector/test_ingest.py::test_bad_reports_are_refused_kept_and_harm_nothing",
        "collector/test_ingest.py::test_host_and_site_are_the_topics_whatever_the_tags_say",
    ),
    "E1": (
        "wire/test_codec.py::test_whatever_comes_is_opened_or_refused",
        "wire/test_codec.py::test_whatever_dictionary_is_named_it_is_known_or_refused",
    ),
    "E2": (
        "wire/test_codec.py::test_dictionaries_are_what_their_names_say_for_ever",
        "wire/test_codec.py::test_an_unknown_dictionary_is_refused_with_the_known_ones",
    ),
    "E3": (
        "wire/test_codec.py::test_nothing_that_is_not_finite_is_encoded",
        "collector/test_ingest.py::test_a_field_that_changes_its_type_costs_only_its_metric",
    ),
    "E4": ("collector/test_ingest.py::test_bad_reports_are_refused_kept_and_harm_nothing",),
    "E5": (
        "wire/test_codec.py::test_a_bomb_is_refused_before_it_goes_off",
        "collector/test_ingest.py::test_a_zlib_bomb_is_refused_without_being_inflated",
    ),
    "E6": ("wire/test_captured.py::test_it_is_understood",),
    "R1": (
        "agent/test_body.py::test_what_arrives_is_the_report_of_the_contract",
        "collector/test_hostile.py::test_a_report_has_no_field_that_is_not_looked_at",
    ),
    "R2": (
        "agent/test_spool.py::test_sigkill_loses_nothing_that_was_appended_and_repeats_no_seq",
        "collector/test_ingest.py::test_a_duplicate_is_stored_once_and_acked_again",
    ),
    "R3": ("collector/test_ingest.py::test_losses_that_the_node_declares_keep_their_reason",),
    "R4": ("collector/test_bases.py::test_a_report_is_told_against_the_one_that_an_ack_names",),
    "R5": ("wire/test_deltas.py::test_what_is_told_is_restored_exactly",),
    "R6": (
        "wire/test_deltas.py::test_how_differences_are_told",
        "wire/test_deltas.py::test_whatever_comes_fits_or_is_refused",
    ),
    "R7": (
        "agent/test_compact.py::test_nothing_is_told_before_an_ack_has_named_the_base",
        "agent/test_uplink_compact.py::test_what_a_centre_has_forgotten_comes_again_in_full",
    ),
    "R8": ("collector/test_bases.py::test_what_cannot_be_opened_is_asked_for_and_not_refused",),
    "R9": ("collector/test_bases.py::test_reports_that_come_together_are_stored_each_at_its_time",),
    "R10": (
        "collector/test_bases.py::test_a_report_that_waited_at_the_node_is_not_late",
        "collector/test_bases.py::test_a_node_whose_reports_wait_is_not_silent_meanwhile",
    ),
    "R11": (
        "collector/test_bases.py::test_a_few_bytes_do_not_make_more_than_a_message_may_hold",
    ),
    "R12": (
        "collector/test_bases.py::test_of_a_message_with_one_bad_report_the_others_come_again",
    ),
    "B1": (
        "collector/test_ingest.py::test_a_birth_names_the_tail_and_what_the_node_has_no_more_is_lost",
        "agent/test_delivery.py::test_a_centre_is_not_asked_about_what_waits",
    ),
    "B2": ("agent/test_uplink.py::test_a_silent_collector_is_asked_again",),
    "B3": ("agent/test_uplink.py::test_the_will_speaks_for_an_agent_that_was_killed",),
    "A1": (
        "collector/test_ingest.py::test_a_gap_is_named_at_once_and_closed",
        "agent/test_uplink.py::test_only_what_an_ack_names_is_sent_again",
    ),
    "A2": (
        "collector/test_ingest.py::test_the_ledger_that_cannot_be_written_is_tried_again_and_nothing_acked",
        "agent/test_uplink.py::test_lost_acks_cost_nothing_and_nothing_is_sent_twice",
    ),
    "A3": ("agent/test_compact.py::test_a_centre_that_does_not_understand_gets_all_in_full",),
}  # fmt: skip


def test_every_statement_has_a_test_and_no_test_is_for_none() -> None:
    page = (TESTS.parent / "docs" / "reference" / "wire.md").read_text()
    statements = STATEMENT.findall(page)
    assert len(statements) == len(set(statements))
    assert set(statements) == set(PROOF)


@pytest.mark.parametrize("statement", PROOF)
def test_its_tests_are_there(statement: str) -> None:
    for proof in PROOF[statement]:
        file, name = proof.split("::")
        assert f"def {name}(" in (TESTS / file).read_text()
