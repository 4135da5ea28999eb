//! What a ledger does: every case on SQLite and on PostgreSQL, and what only one of them can show.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod access;
mod audits;
mod crash;
mod deployments;
mod ends;
mod holds;
mod logs;
mod many;
mod model;
mod opening;
mod postgres;
mod prune;
mod queue;
mod resources;
mod runs;
mod sample;
mod secrets;
mod stage;
mod watches;

use stage::cases;

cases! {
    access::principals_are_kept_and_replaced,
    access::a_principal_goes_with_its_grants,
    access::a_role_is_given_once_and_taken_away,
    access::a_key_is_set_once,
    audits::entries_are_numbered_and_found,
    audits::pages_lead_both_ways,
    audits::nobody_changes_the_log,
    audits::whoever_follows_the_log_misses_nothing,
    deployments::one_is_asked_for_and_found,
    deployments::one_that_is_under_way_is_left_alone,
    deployments::another_of_the_same_name_takes_its_place,
    deployments::a_history_has_an_end,
    deployments::what_is_nested_in_one_under_way_is_not_forgotten,
    deployments::so_many_are_nested_in_one_at_whatever_depth,
    deployments::what_is_nested_stops_when_its_parent_has_ended,
    deployments::one_server_has_it,
    deployments::one_of_a_lost_server_goes_to_another,
    deployments::nested_ones_are_found_by_themselves,
    deployments::what_is_done_is_noted_by_its_owner,
    deployments::who_does_it_is_told_to_stop,
    deployments::they_go_with_their_group,
    ends::what_waits_is_canceled_at_once,
    ends::a_worker_learns_that_it_is_to_stop,
    ends::what_was_done_before_the_word_arrived_is_done,
    ends::a_failure_of_what_is_to_stop_is_no_failure,
    ends::a_run_is_removed,
    ends::a_running_one_is_stopped_before_it_is_removed,
    ends::a_run_to_be_removed_ends_without_its_worker,
    ends::a_worker_of_a_removed_run_writes_nothing_to_its_successor,
    holds::one_of_two_has_a_name,
    holds::names_are_held_until_the_end,
    holds::all_or_none,
    logs::lines_are_kept_in_order,
    logs::a_log_has_an_end,
    prune::nothing_goes_that_was_not_named,
    prune::what_ended_long_ago_goes,
    queue::the_oldest_goes_first,
    queue::pipelines_take_turns,
    queue::one_that_asks_again_and_again_does_not_get_ahead,
    queue::what_may_pass_is_tried_again,
    queue::what_stays_fails_after_so_many_attempts,
    queue::what_cannot_pass_fails_at_once,
    queue::a_worker_that_goes_gives_its_run_back,
    queue::one_that_waits_for_another_makes_no_attempt,
    queue::who_wants_checks_gets_nothing_else,
    queue::a_lease_that_ran_out_goes_to_another,
    queue::a_worker_that_is_lost_too_often_fails_the_run,
    queue::a_beat_keeps_the_run,
    queue::a_record_keeps_to_its_owner,
    queue::an_end_is_written_once,
    queue::who_waits_is_woken,
    queue::who_waits_is_woken_when_a_pause_ends,
    resources::what_is_put_is_found,
    resources::every_kind_of_body_comes_back,
    resources::many_are_found_at_once_and_one_by_its_name,
    resources::a_change_says_what_it_relies_on,
    resources::a_revision_never_comes_again,
    resources::lists_are_by_scope_and_in_pages,
    resources::a_delete_takes_what_is_beneath,
    resources::runs_go_with_their_registry,
    resources::a_name_has_one_owner,
    resources::of_many_that_make_it_one_does,
    runs::a_run_is_asked_for_once,
    runs::another_request_waits_for_the_end_of_the_first,
    runs::another_tag_runs_again,
    runs::when_a_trigger_saw_the_blob_does_not_count,
    runs::runs_are_listed_from_the_oldest,
    runs::operations_outlive_their_runs,
    runs::of_many_that_ask_one_makes_it,
    runs::unfinished_runs_of_a_pipeline_are_known,
    secrets::the_vault_suite_passes,
    secrets::secrets_go_with_their_vault,
    watches::pipelines_with_a_trigger_are_watched,
    watches::workers_share_the_watches,
    watches::watches_of_a_lost_worker_go_to_another,
    watches::a_poke_reaches_who_watches,
    watches::what_was_seen_is_known,
    watches::what_is_told_is_noted_or_neither,
}
