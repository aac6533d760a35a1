//! The contracts of `Store`, `Bus` and `EventLedger` as tests, the same for every backend.
//!
//! In: a function that makes a fresh port. Out: one named test for every case.
//! Never: asks which backend it is, knows how one stores anything, or waits for a fixed time.
//!
//! A fresh port is empty and not shared: counts, lists, due rows and queue depths are those of the whole store or bus.
//! Where backends share a server, the name of the case makes a good prefix.
//! Times are fixed and after the year 2040, so that no server lets anything expire during a case.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a suite of tests: a surprise is a failure"
)]

use std::{any::Any, sync::Arc};

pub mod bus;
pub mod damaged;
pub mod fixture;
pub mod ledger;
pub mod roles;
pub mod store;

/// A port for one case, and what must live as long as it is used.
pub struct Fresh<T: ?Sized> {
    /// The port.
    pub port: Arc<T>,
    /// Dropped when the case is over: a directory, a connection, a server.
    pub guard: Box<dyn Any + Send>,
}

/// Makes a test of every case of the [`ports::Store`] contract.
///
/// The argument names an `async fn(case: &'static str) -> Fresh<dyn Store>`.
#[macro_export]
macro_rules! store_contract {
    ($fresh:ident) => {
        mod store_contract {
            use super::*;
            $crate::cases! { $fresh, store:
                opening {
                    an_opened_run_reads_back_equal
                    what_is_stored_with_a_run_reads_back
                    opening_a_known_run_changes_nothing
                    a14_an_id_that_says_something_else_opens_nothing
                    opening_a_run_that_changed_since_changes_nothing
                    of_many_concurrent_openers_one_opens
                    what_was_never_stored_is_absent
                }
                changing {
                    a_change_at_the_current_version_is_stored
                    a_change_at_an_old_version_leaves_no_trace
                    a_change_of_an_unknown_run_is_a_conflict
                    a_repeated_change_is_a_conflict_and_does_nothing_twice
                    of_concurrent_changes_at_one_version_one_wins
                    changes_that_come_together_succeed_or_fail_each_for_itself
                    concurrent_changes_lose_no_update
                    lines_of_later_changes_follow_earlier_ones
                }
                due {
                    due_runs_are_taken_earliest_first
                    runs_that_are_not_due_are_left_alone
                    at_most_as_many_as_asked_for_are_taken
                    a_taken_run_is_hidden_until_its_time_is_up
                    a_change_puts_a_taken_run_back_in_its_place
                    a_change_without_a_due_time_removes_it
                    concurrent_takers_never_share_a_run
                    the_next_due_time_is_the_earliest_of_all
                    the_due_runs_of_one_shard_are_taken
                }
                timers {
                    the_first_due_row_of_a_slot_asks_for_a_timer
                    another_half_second_or_shard_asks_for_its_own
                    a_slot_asks_again_after_a_take_has_passed_it
                    a_due_row_that_moves_asks_for_the_timer_of_its_new_slot
                    a_run_without_a_due_time_asks_for_none
                    a_due_row_that_needs_no_timer_asks_for_none
                }
                resolving {
                    the_open_runs_of_a_subject_are_found
                    resolving_returns_the_open_runs_of_the_subject_alone
                    a_run_for_a_later_event_is_left_alone
                    an_acknowledged_run_can_still_be_resolved
                    an_exhausted_run_with_a_ticket_hears_of_a_resolution_once
                    a_ticket_that_is_wanted_after_the_end_hears_of_a_resolution
                    an_event_before_the_resolution_is_resolved_already
                    a2_an_event_at_or_after_the_resolution_opens
                    a_closed_run_is_stored_whatever_was_resolved
                    a_known_run_stays_known_after_its_subject_is_resolved
                    a_later_resolution_replaces_an_earlier_one
                    an_earlier_resolution_never_replaces_a_later_one
                    resolving_twice_returns_the_same
                    a3_a_late_run_of_another_source_finds_no_resolution
                }
                consent {
                    consent_follows_the_entries
                    a_repeated_entry_is_recorded_once
                    the_log_is_in_order_of_time
                    entries_of_a_change_count_once_it_is_stored
                    one_number_says_nothing_about_another
                    the_whole_log_is_in_the_pages
                }
                replies {
                    routes_that_have_expired_are_not_returned
                    routes_are_returned_latest_first
                    routes_are_bounded
                    a_sid_leads_to_its_message
                    of_two_messages_that_claim_a_sid_one_gets_it
                    a_definition_reads_back_under_its_hash
                }
                dead_letters {
                    letters_are_listed_oldest_first
                    a_known_letter_is_added_once
                    every_filter_is_applied
                    at_most_as_many_as_asked_for_are_listed
                    of_many_callers_one_removes_a_letter
                    one_letter_is_found_by_its_id
                    a_letter_keeps_where_its_event_came_from
                    a_removed_letter_may_come_back
                    letters_of_runs_are_listed_with_the_others
                    a_discarded_letter_goes_with_the_line_that_tells_of_it
                }
                rate_limits {
                    places_are_given_out_at_the_rate
                    concurrent_places_do_not_overlap
                    one_queue_says_nothing_about_another
                }
                effects {
                    effects_of_a_change_are_stored_with_it
                    the_effects_of_a_run_are_found_while_they_wait
                    an_effect_is_taken_by_one_taker_until_its_time_is_up
                    effects_of_one_destination_are_taken_without_the_others
                    what_was_taken_again_is_not_changed_by_the_former_taker
                    an_effect_ends_once_and_is_counted_once
                    a_dead_effect_becomes_a_letter
                    an_effect_without_a_run_is_added_once
                }
                outcomes {
                    outcomes_come_in_the_order_they_were_stored
                    a_cursor_goes_on_where_it_stopped
                    cursors_hold_after_runs_are_purged
                }
                overrides {
                    overrides_that_have_ended_are_not_returned
                    overrides_come_in_the_order_they_were_added
                    adding_an_override_twice_adds_it_once
                    an_override_that_is_taken_back_is_gone
                    what_was_in_force_of_an_override_is_kept_in_its_place
                }
                tokens {
                    a_token_is_found_until_it_is_removed
                    tokens_are_listed_in_the_order_they_were_made
                    adding_a_token_again_changes_nothing
                    agents_are_stopped_until_they_are_let_go_on
                }
                approvals {
                    an_approval_is_changed_by_who_saw_it_last
                    one_of_many_decides_on_an_approval
                    a_token_has_so_many_approvals_waiting
                    an_approval_is_forgotten_long_after_it_was_decided
                }
                answers {
                    an_answer_is_given_again_until_its_time_is_over
                    the_first_answer_under_a_key_stays
                    an_answer_takes_the_place_of_another
                }
                outcome_log {
                    events_are_logged_once_in_one_order
                    a_reader_goes_on_after_its_position
                    an_event_that_is_replaced_keeps_its_position
                    the_oldest_events_go_and_no_position_comes_twice
                }
                sending {
                    one_of_many_notes_a_stop
                    a_note_replaces_the_one_that_it_follows_and_no_other
                }
                groups {
                    a_group_is_changed_by_who_saw_it_last
                    all_that_join_a_group_at_once_are_in_it
                }
                calendars {
                    the_last_copy_of_each_calendar_is_kept
                    one_of_many_reads_a_calendar
                }
                silences {
                    silences_are_shown_until_they_end
                    a_silence_that_is_removed_is_gone
                }
                receipts {
                    receipts_are_summed_by_originator_and_country
                    old_receipts_are_forgotten
                }
                preflight {
                    the_last_preflight_and_the_last_start_are_kept
                }
                status {
                    the_last_report_of_each_process_is_kept
                    what_waits_is_counted_with_its_oldest
                    a_run_needs_review_until_somebody_says_what_became_of_its_text
                    effects_wait_by_destination
                    some_of_the_effects_that_wait_are_shown
                }
                listing {
                    runs_are_listed_latest_opened_first
                    every_filter_is_applied
                    pages_follow_one_another_without_gaps
                    only_runs_that_need_review_are_listed_as_such
                    runs_that_have_not_ended_are_listed_as_unfinished
                    a_list_shows_runs_as_they_are
                }
                purging {
                    closed_runs_that_ended_earlier_are_purged
                    runs_that_are_open_or_ended_later_stay
                    a_closed_run_that_is_still_due_stays
                    an_acknowledged_run_that_pages_again_stays_and_comes_back
                    everything_of_a_purged_run_is_gone
                    consent_outlives_a_purged_run
                    a_purged_run_can_be_opened_again
                    at_most_as_many_as_asked_for_are_purged
                    one_run_is_purged_alone_if_it_ended_earlier
                    texts_go_before_their_run
                    a_text_that_waits_for_a_review_stays
                    old_letters_of_no_run_are_purged
                }
                audit_counts {
                    an_empty_store_counts_nothing
                    counts_match_what_was_stored
                    a_pending_run_without_a_due_time_is_counted_as_forgotten
                }
            }
        }
    };
}

/// Makes a test of every case of the [`ports::Bus`] contract.
///
/// The argument names an `async fn(case: &'static str) -> Fresh<dyn Bus>`; the bus knows [`bus::lanes`] and lives on
/// [`ports::SystemClock`].
#[macro_export]
macro_rules! bus_contract {
    ($fresh:ident) => {
        mod bus_contract {
            use super::*;
            $crate::cases! { $fresh, bus:
                events {
                    a_published_event_arrives_unchanged
                    an_event_waits_in_the_lane_of_its_type
                    an_event_beyond_its_sources_quota_waits_one_lane_lower
                    a_type_without_a_lane_waits_in_the_standard_one
                    every_event_of_a_batch_arrives
                    the_event_of_a_dead_letter_is_published_again_unchanged
                    events_wait_for_a_consumer
                    depth_counts_waiting_and_unacked_events
                    consumers_are_counted_while_they_are_there
                }
                answers {
                    an_acknowledged_event_does_not_come_back
                    an_unanswered_event_comes_back_as_redelivered
                    a_delayed_event_comes_back_and_not_earlier
                    an_event_comes_back_when_its_consumer_goes_away
                    no_more_than_the_prefetch_is_unanswered_at_once
                    a_delayed_event_leaves_room_for_others
                    consumers_share_the_work_and_none_is_done_twice
                    events_that_are_acknowledged_together_say_nothing_of_those_between
                    an_event_that_is_given_back_waits_for_anybody_at_once
                    an_event_may_be_given_back_however_often
                    what_a_stream_had_not_handed_out_may_return_however_often
                    work_is_taken_one_piece_at_a_time_without_a_consumer
                }
                wake_ups {
                    commands_arrive_unchanged_in_their_queue
                    an_unanswered_command_comes_back
                    an_acknowledged_command_does_not_come_back
                    queues_do_not_see_each_others_work
                }
                timers {
                    a_timer_fires_and_not_early
                    a_timer_of_the_past_fires_at_once
                    timers_fire_in_order_of_their_seconds
                    an_unanswered_timer_comes_back
                }
            }
        }
    };
}

/// Makes a test of every case of the [`ports::EventLedger`] contract.
///
/// The argument names an `async fn(case: &'static str) -> Fresh<dyn EventLedger>`.
#[macro_export]
macro_rules! ledger_contract {
    ($fresh:ident) => {
        mod ledger_contract {
            use super::*;
            $crate::cases! { $fresh, ledger:
                pending {
                    an_accepted_event_is_overdue_after_half_a_minute
                    an_overdue_event_reads_back_equal
                    a_concluded_event_is_gone
                    accepting_an_event_again_changes_nothing
                    a_postponed_event_waits_longer_each_time
                    a_concluded_event_cannot_be_postponed
                    a_sweep_is_claimed_once
                }
            }
        }
    };
}

/// Makes a test of each case. For [`store_contract`], [`bus_contract`] and [`ledger_contract`].
#[doc(hidden)]
#[macro_export]
macro_rules! cases {
    ($fresh:ident, $port:ident: $($module:ident { $($case:ident)* })*) => {
        $(
            mod $module {
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread")]
                    async fn $case() {
                        let fresh: $crate::Fresh<_> = $fresh(concat!(stringify!($module), "_", stringify!($case))).await;
                        $crate::$port::$module::$case(fresh.port.clone()).await;
                        drop(fresh.guard);
                    }
                )*
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    /// The `module::case` names that a macro lists.
    fn listed(source: &str, port: &str) -> BTreeSet<String> {
        let start = format!("$crate::cases! {{ $fresh, {port}:");
        let list = source.lines().skip_while(|line| line.trim() != start).skip(1);
        let (mut names, mut module) = (BTreeSet::new(), None);
        for line in list.map(str::trim) {
            match (line.strip_suffix(" {"), module) {
                (Some(name), None) => module = Some(name),
                (None, Some(_)) if line == "}" => module = None,
                (None, Some(module)) => {
                    assert!(names.insert(format!("{module}::{line}")), "{module}::{line} is listed twice");
                }
                _ => break,
            }
        }
        names
    }

    /// The `module::case` names that the files of a port define.
    fn defined(folder: &Path) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let cases: BTreeSet<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
                .map(|case| format!("{module}::{case}"))
                .collect();
            assert!(!cases.is_empty(), "no case was found in {}", path.display());
            names.extend(cases);
        }
        names
    }

    #[test]
    fn every_case_is_listed_in_its_module() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let lists = std::fs::read_to_string(source.join("lib.rs")).unwrap();
        for (port, least) in [("store", 20), ("bus", 20), ("ledger", 5)] {
            let defined = defined(&source.join(port));
            assert!(defined.len() > least, "too few cases were found: {defined:?}");
            assert_eq!(listed(&lists, port), defined, "of the {port} contract");
        }
    }
}
