//! Every bound in one place, with its unit. In: nothing. Out: constants.
//!
//! Never: a bound that is enforced somewhere else under another name.

/// Largest request body of the event endpoint, in bytes.
pub const EVENT_BODY_BYTES_MAX: usize = 256 * 1024;
/// How much of a body past that is kept in its dead letter, in bytes.
pub const DEAD_BODY_BYTES_KEPT: usize = 1_024;
const _: () = assert!(DEAD_BODY_BYTES_KEPT <= EVENT_BODY_BYTES_MAX);
/// Most headers that the dead letter of a broker's message keeps.
pub const ORIGIN_HEADERS_MAX: usize = 32;
/// How much of one such header's value is kept, in bytes.
pub const ORIGIN_VALUE_BYTES_MAX: usize = 512;
/// Most bytes of names and values of such headers together.
pub const ORIGIN_BYTES_MAX: usize = 4 * 1024;
/// Most events in one CloudEvents batch.
pub const EVENT_BATCH_MAX: usize = 500;
/// Largest `data` of one event, in bytes of JSON.
pub const EVENT_DATA_BYTES_MAX: usize = 32 * 1024;
/// Largest notification of a tool whose request bears its key in a header, in bytes: a group of some thousand alerts.
pub const DOOR_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest event for the PagerDuty adapter, in bytes, as PagerDuty has it. Its key is in the body, so anybody may send one.
pub const PAGERDUTY_BODY_BYTES_MAX: usize = 512 * 1024;
/// Longest text that an adapter puts into a field, in characters.
pub const DOOR_FIELD_CHARS_MAX: usize = 1_000;
/// How long a PagerDuty event without a `dedup_key` counts as the same when it is sent again, in seconds.
pub const DOOR_REPEAT_S: i64 = 5 * 60;
/// How long a run that was acknowledged keeps further reports of its subject from opening another, in seconds: a day.
pub const DOOR_HELD_S: u32 = 24 * 3600;
/// Longest CloudEvents attribute (`id`, `source`, `type`, `subject`), in bytes.
pub const ATTRIBUTE_BYTES_MAX: usize = 255;
/// How long after a request its text is in the provider's lists for certain, if it was taken, in milliseconds: 10 s for
/// the longest answer, 30 s for the lists to catch up, and as much again for the two clocks.
pub const LISTED_AFTER_MS: i64 = 60_000;
/// How far apart two lists must be that both lack a text, in milliseconds, so that one stale answer proves nothing.
pub const LISTED_GAP_MS: i64 = 20_000;
/// Most questions asked of the provider about one text in doubt.
pub const DOUBT_QUESTIONS_MAX: usize = 10;
/// Largest form post taken from the provider, in bytes: 1,600 characters of text, percent-encoded, and change.
pub const CALLBACK_BODY_BYTES_MAX: usize = 32 * 1024;
/// Most steps in one workflow.
pub const STEPS_MAX: usize = 10;
/// Most recipients in one step.
pub const RECIPIENTS_PER_STEP_MAX: usize = 20;
/// Most texts of one run, over all rounds of its steps; one that has as many ends.
pub const RUN_MESSAGES_MAX: usize = 2_000;
/// Most times that all steps of a workflow are gone through again.
pub const REPEATS_MAX: u8 = 9;
/// Most acknowledgements of a run that may expire before its event is of no use any more.
pub const ACK_EXPIRIES_MAX: u32 = 100;
/// Most numbers of one contact.
pub const NUMBERS_PER_CONTACT_MAX: usize = 5;
/// Largest audience a sender dispatches in the delivery of the event itself; larger ones go through `send` commands.
pub const INLINE_DISPATCH_MAX: usize = 4;
/// Events a second that a source may bring at full urgency, unless configured.
pub const QUOTA_PER_S_DEFAULT: u32 = 100;
/// A source that rested may bring so many seconds' worth of its quota at once.
pub const QUOTA_BURST_S: u32 = 10;
/// Sources whose quotas are counted.
pub const QUOTA_SOURCES_MAX: usize = 1_000;
/// Sources that brought something within so long are there together, in milliseconds.
pub const QUOTA_TOGETHER_MS: i64 = 60_000;
/// How far ahead the lowest lane takes the slots of a sending number, in seconds; others come before it by as much.
pub const BULK_AHEAD_S: u32 = 1;
/// Longest name of an originator, in bytes.
pub const ORIGINATOR_NAME_BYTES_MAX: usize = 32;
/// Receipts older than this say nothing about an originator, in seconds: 30 min.
pub const ORIGINATOR_WINDOW_S: i64 = 30 * 60;
/// Receipts are added up over slices of so many seconds.
pub const ORIGINATOR_SLICE_S: i64 = 5 * 60;
const _: () = assert!(ORIGINATOR_WINDOW_S % ORIGINATOR_SLICE_S == 0);
/// Fewest receipts of an originator and a country by which it is judged there.
pub const ORIGINATOR_RECEIPTS_MIN: u32 = 10;
/// An originator of whose texts to a country fewer arrive is demoted there, in percent.
pub const ORIGINATOR_SCORE_PERCENT_MIN: u32 = 70;
/// Most segments one text may be allowed.
pub const SEGMENTS_MAX: u8 = 10;
/// Longest deadline of a step, in seconds: 7 days.
pub const DEADLINE_S_MAX: u32 = 7 * 24 * 3600;
/// Shortest deadline of a step, in seconds.
pub const DEADLINE_S_MIN: u32 = 1;
/// How long a step without any deadline waits for a receipt, in seconds.
pub const DELIVER_WITHIN_S_DEFAULT: u32 = 10 * 60;
/// How old an event may be unless configured, in seconds: 1 day.
pub const NOT_AFTER_S_DEFAULT: u32 = 24 * 3600;
/// Longest useful life of an event, in seconds: 7 days, as long as events are remembered.
pub const NOT_AFTER_S_MAX: u32 = DEDUPE_S;
/// How long an event is remembered, so that a repetition sends no text, in seconds: 7 days.
pub const DEDUPE_S: u32 = 7 * 24 * 3600;
/// How far ahead the end of quiet hours is looked for, in seconds: beyond it every event is of no use.
pub const QUIET_SEARCH_S: u32 = NOT_AFTER_S_MAX + 24 * 3600;
/// How long an ended run is kept if nothing else is said, in seconds: 30 days.
pub const RETENTION_S_DEFAULT: u32 = 30 * 24 * 3600;
/// How short and how long it may be kept, in seconds: as long as events are remembered, to ten years.
pub const RETENTION_S_MIN: u32 = DEDUPE_S;
/// See [`RETENTION_S_MIN`].
pub const RETENTION_S_MAX: u32 = 3_650 * 24 * 3600;
const _: () = assert!(RETENTION_S_MIN <= RETENTION_S_DEFAULT && RETENTION_S_DEFAULT <= RETENTION_S_MAX);
/// How short the texts of an ended run may be kept, in seconds: an hour. They go with the run at the latest.
pub const RETENTION_TEXTS_S_MIN: u32 = 3600;
/// How long a dead letter of no run is kept if nothing else is said, in seconds: 90 days.
pub const RETENTION_LETTERS_S_DEFAULT: u32 = 90 * 24 * 3600;
/// How short it may be kept, in seconds: a day, in which somebody can look at it. At most [`RETENTION_S_MAX`].
pub const RETENTION_LETTERS_S_MIN: u32 = 24 * 3600;
const _: () = assert!(RETENTION_LETTERS_S_MIN <= RETENTION_LETTERS_S_DEFAULT);
const _: () =
    assert!(RETENTION_LETTERS_S_DEFAULT <= RETENTION_S_MAX && RETENTION_TEXTS_S_MIN <= RETENTION_S_MIN);
/// Most ended runs that are removed at once.
pub const PURGE_BATCH_MAX: u16 = 200;
/// How long removing them rests between two full batches, in milliseconds.
pub const PURGE_PAUSE_MS: i64 = 250;
/// How often ended runs are looked for, in milliseconds: 10 minutes.
pub const PURGE_EVERY_MS: i64 = 10 * 60 * 1_000;
/// How long a preflight opens production, in seconds: a day.
pub const PREFLIGHT_FRESH_S: i64 = 24 * 3600;
/// How long after it last sent an installation may start again without a preflight, in seconds: a week.
pub const SERVED_LATELY_S: i64 = 7 * 24 * 3600;
/// How often a process that sends notes so, in seconds: an hour.
pub const ADMITTED_EVERY_S: i64 = 3600;
const _: () = assert!(ADMITTED_EVERY_S * 24 < SERVED_LATELY_S);
/// Days that are looked ahead for times at which a step would text nobody, unless said otherwise.
pub const COVERAGE_DAYS: u16 = 14;
/// The most of them.
pub const COVERAGE_DAYS_MAX: u16 = 92;
/// How often a calendar of on-call shifts is read unless said otherwise, in seconds: 15 minutes.
pub const CALENDAR_REFRESH_S_DEFAULT: u32 = 15 * 60;
/// How often at most, and at least, in seconds: a minute, a day.
pub const CALENDAR_REFRESH_S_MIN: u32 = 60;
/// See [`CALENDAR_REFRESH_S_MIN`].
pub const CALENDAR_REFRESH_S_MAX: u32 = 24 * 3600;
/// How long after a failure it is read again, in seconds, unless it is read more often anyway.
pub const CALENDAR_RETRY_S: u32 = 60;
/// Largest calendar that is taken, in bytes.
pub const CALENDAR_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Days back and ahead of now within which the events of a calendar are shifts: as far as shifts can be asked for.
pub const CALENDAR_DAYS_BACK: i64 = 31;
/// See [`CALENDAR_DAYS_BACK`].
pub const CALENDAR_DAYS_AHEAD: i64 = 366;
/// Most shifts of a calendar within that time: a year of shifts of an hour.
pub const CALENDAR_SHIFTS_MAX: usize = 10_000;
/// How long the process that reads a calendar keeps others from doing so, in seconds: longer than that may take.
pub const CALENDAR_LEASE_S: i64 = 60;
/// Longest name that a provider may give a message, in bytes.
pub const PROVIDER_MESSAGE_ID_BYTES_MAX: usize = 64;
/// Longest validity that the provider takes, in seconds.
pub const VALIDITY_S_MAX: u32 = 36_000;
/// Below this the provider may drop a text that is merely slow, in seconds.
pub const VALIDITY_S_MIN: u32 = 10;
/// How long the provider may take to answer a send, in milliseconds.
pub const PROVIDER_ANSWER_MS_MAX: u64 = 10_000;
/// How long a claim on a message is held, in milliseconds.
pub const LEASE_MS: i64 = 30_000;
// A slow answer must arrive while its claim still holds, else the message is doubted without need.
const _: () = assert!(2 * PROVIDER_ANSWER_MS_MAX as i64 <= LEASE_MS);
/// How long after its claim a request may begin, in milliseconds: its answer must come while the claim still holds.
pub const REQUEST_BEGINS_MS_MAX: i64 = LEASE_MS - PROVIDER_ANSWER_MS_MAX as i64;
/// How often the sweep looks for due rows that no timer brought, in seconds.
pub const SWEEP_EVERY_S: u32 = 5;
// A lapsed claim has no timer; the sweep must find it before the first question about its doubt is due.
const _: () = assert!(LEASE_MS + 1_000 * SWEEP_EVERY_S as i64 <= 40_000);
/// How long a wake-up may take to be acted on before it is sent again, in milliseconds.
pub const REWAKE_MS: i64 = 30_000;
/// The longest such wait, for work that has been late for long, in milliseconds: 5 minutes.
pub const REWAKE_MS_MAX: i64 = 5 * 60 * 1_000;
/// How late critical work is before its wake-up may have been lost although its queue is long, in milliseconds; for other work
/// it is [`REWAKE_MS_MAX`].
pub const LOST_CRITICAL_MS: i64 = 60_000;
/// How many commands may wait in a queue before repeated ones are left out: about as many as a sender works on in a second.
pub const REPEATS_BEHIND_MAX: u64 = 1_000;
/// How long a text waits that an outage held up, in milliseconds, and at most as long again. The circuit breaker
/// decides when the provider is tried: this only spreads what comes back.
pub const OUTAGE_WAIT_MS: i64 = 10_000;
/// How long before its step ends a text that waits for the provider is tried for the last time, in seconds. A request takes
/// less.
pub const LAST_TRY_S: i64 = 5;
/// By how much the last tries of texts whose steps end at one moment are spread, in milliseconds.
pub const LAST_TRY_SPREAD_MS: i64 = 5_000;
/// Of so many latest requests the circuit breaker thinks.
pub const BREAKER_SAMPLE: u32 = 20;
/// So many of them in trouble open it.
pub const BREAKER_TROUBLE_MIN: u32 = 12;
const _: () = assert!(BREAKER_TROUBLE_MIN <= BREAKER_SAMPLE && BREAKER_SAMPLE < u64::BITS);
/// How long it stays open at first, in milliseconds; it doubles.
pub const BREAKER_OPEN_MS_MIN: i64 = 2_000;
/// How long it stays open at most, in milliseconds: so long may a page wait after the provider came back.
pub const BREAKER_OPEN_MS_MAX: i64 = 10_000;
/// How long a text of the critical lane waits at most, beyond what the provider asks for, before it asks again after a
/// "later", in milliseconds: one page alone does not open the circuit breaker, and waits no longer than behind it.
pub const CRITICAL_LATER_MS_MAX: u32 = 10_000;
/// Pieces of work that try the provider at once, one at least for each lane.
pub const BREAKER_PROBES_MAX: u32 = 3;
const _: () = assert!(BREAKER_PROBES_MAX >= 3);
/// How often a queue that is empty is looked at while the provider is to be tried, in milliseconds.
pub const BREAKER_LOOK_EVERY_MS: i64 = 500;
/// How long other work lets urgent work try first, in milliseconds.
pub const BREAKER_WAIT_FOR_CRITICAL_MS: i64 = 3_000;
/// The time that the retry budget looks back on, in seconds.
pub const RETRY_BUDGET_S: usize = 60;
/// Retries may be so many of a hundred first attempts.
pub const RETRY_BUDGET_PERCENT: u32 = 10;
/// Retries that each sender may always make in that time: one a second is no storm, and a quiet sender must repeat too.
pub const RETRIES_ALWAYS: u32 = 60;
/// How far ahead slots of a sender with a rate are given out, in seconds.
pub const RATE_HORIZON_S: u32 = 15 * 60;
/// How long a slot stays good after its time, in milliseconds.
pub const SLOT_GOOD_MS: i64 = 30_000;
/// How long after the store came back the provider is asked about what may have been lost, in milliseconds.
pub const LOST_ASK_MS: i64 = 10_000;
/// Most questions asked of the provider about the status of one text.
pub const POLLS_MAX: usize = 20;
/// Most due runs taken at once.
pub const DUE_BATCH_MAX: u16 = 256;
/// How long taken due runs are hidden from other takers, in milliseconds.
pub const DUE_LEASE_MS: i64 = 15_000;
/// Most dead letters of the broker that one process holds.
pub const BROKER_DEAD_LETTERS_MAX: u16 = 5_000;
/// Most dead letters one list returns.
pub const DEAD_LETTERS_MAX: u16 = 10_000;
/// Most rows one list returns.
pub const LIST_MAX: u16 = 1_000;
/// Most recent entries of a timeline shown or kept in memory at once.
pub const TIMELINE_MAX: u16 = 1_000;
/// Most open acknowledgement codes looked at per phone number.
pub const REPLY_ROUTES_MAX: u16 = 200;
/// How long a reply can still find its run, in seconds: 3 days past its opening, or longer where the run waits longer.
pub const REPLY_ROUTE_S: i64 = 3 * 24 * 3600;
/// Most answers that one phone gets in an hour to replies that acknowledge nothing.
pub const ANSWERS_HOURLY_MAX: u32 = 5;
/// Most test pages that one phone gets in an hour.
pub const TEST_PAGES_HOURLY_MAX: u32 = 10;
/// How long a canary may take to arrive, in seconds.
pub const CANARY_WITHIN_S: u32 = 5 * 60;
/// How often canaries are sent at most, and at least, in seconds: every ten minutes, so that one ends before the next; a week.
pub const CANARY_EVERY_S_MIN: u32 = 2 * CANARY_WITHIN_S;
/// See [`CANARY_EVERY_S_MIN`].
pub const CANARY_EVERY_S_MAX: u32 = 7 * 24 * 3600;
/// Slots of canaries that are looked at.
pub const CANARY_SLOTS: i64 = 5;
/// How long an answer or an all-clear is of use, in seconds: 10 minutes.
pub const NOTICE_NOT_AFTER_S: u32 = 10 * 60;
/// For so long after an all-clear the next ones to its recipient wait for a digest, in seconds.
pub const ALL_CLEAR_WINDOW_S: u32 = 60;
/// Tries to change a run that others change at the same time.
pub const CHANGE_TRIES_MAX: u8 = 32;
/// How long the requests of one effect may take, in seconds.
pub const EFFECT_TIMEOUT_S: u32 = 40;
/// How long a taken effect is hidden from other takers, in seconds: longer than its requests may take.
pub const EFFECT_LEASE_S: i64 = 60;
/// How often due effects of a destination are looked for, in milliseconds.
pub const EFFECT_POLL_MS: i64 = 1_000;
/// Shortest window in which texts of a group are held, in seconds.
pub const GROUP_WINDOW_S_MIN: u32 = 10;
/// Longest such window, in seconds: 6 hours.
pub const GROUP_WINDOW_S_MAX: u32 = 6 * 3600;
/// Most fields by which a workflow groups.
pub const GROUP_BY_MAX: usize = 5;
/// Most texts of a group that are held at once; what comes beyond goes at once.
pub const GROUP_WAITING_MAX: usize = 2_000;
/// Most messages that one digest tells of beside its own. More are told by a second one.
pub const DIGEST_MEMBERS_MAX: usize = 499;
/// How long a group is remembered after its window, in seconds: an hour.
pub const GROUP_KEPT_S: i64 = 3600;
/// How long a held text waits before it looks again for the digest that tells of it, in seconds, unless it is woken.
pub const DIGEST_LOOK_S: i64 = 30;
/// Most changes of a subject that are counted.
pub const FLAP_CHANGES_MAX: usize = 100;
/// Longest time over which they are counted, in seconds: a day.
pub const FLAP_WITHIN_S_MAX: u32 = 24 * 3600;
/// Most replies to one digest that are handed on to the runs that it tells of.
pub const DIGEST_REPLIES_MAX: usize = 16;
