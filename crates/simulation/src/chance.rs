//! Chance and its faults. In: a seed, and how often each fault happens. Out: what happens next, and what has fired.
//!
//! Never: draws from anything but the seed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Where a process can die, or find a port unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// [`ports::Store::open_run`].
    OpenRun,
    /// [`ports::Store::change_run`].
    ChangeRun,
    /// [`ports::GroupStore::keep_group`].
    KeepGroup,
    /// [`ports::ApprovalStore::keep_approval`].
    KeepApproval,
    /// Every other call of the store.
    Store,
    /// The request to the provider.
    Submit,
    /// A question to the provider.
    Ask,
    /// [`ports::Bus::publish`].
    Publish,
    /// [`ports::Bus::start_timer`].
    Timer,
    /// [`ports::Bus::take`].
    Take,
    /// The answer to a delivery.
    Answer,
    /// [`ports::EffectStore::take_effects`].
    TakeEffects,
    /// The request to a destination.
    Request,
    /// [`ports::EffectStore::postpone_effect`].
    PostponeEffect,
    /// [`ports::EffectStore::end_effect`].
    EndEffect,
}

/// Which side of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Nothing has happened yet.
    Before,
    /// It has happened, and its result is lost.
    After,
}

/// Everything that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A process dies before an effect.
    CrashBefore,
    /// A process dies after an effect.
    CrashAfter,
    /// The store is not there.
    StoreUnavailable,
    /// The store did it, and its answer is lost.
    StoreAnswerLost,
    /// A wake-up or a timer is lost.
    WakeUpLost,
    /// A wake-up comes twice.
    WakeUpDoubled,
    /// A call takes long.
    Slow,
    /// A sender is paused between its intent and its request, for longer than its lease holds.
    Paused,
    /// A whole sender is paused, for so long that the bus gives up its connection.
    Frozen,
    /// 429.
    TooManyRequests,
    /// The number is none.
    Refused,
    /// 503, and nothing was taken.
    Unavailable,
    /// Taken, and the answer is lost.
    AnswerLost,
    /// The text fails on its way.
    DeliveryFailure,
    /// A callback is not posted.
    CallbackLost,
    /// A callback is posted twice.
    CallbackDoubled,
    /// The first callback is posted before the answer.
    CallbackEarly,
    /// A text is in the provider's lists only after a while.
    ListLag,
    /// A question to the provider has no answer.
    QuestionUnanswered,
    /// An event is published again.
    EventDoubled,
}

impl Fault {
    /// All of them, so that a test can see that each fired.
    pub const ALL: [Self; 20] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::StoreUnavailable,
        Self::StoreAnswerLost,
        Self::WakeUpLost,
        Self::WakeUpDoubled,
        Self::Slow,
        Self::Paused,
        Self::Frozen,
        Self::TooManyRequests,
        Self::Refused,
        Self::Unavailable,
        Self::AnswerLost,
        Self::DeliveryFailure,
        Self::CallbackLost,
        Self::CallbackDoubled,
        Self::CallbackEarly,
        Self::ListLag,
        Self::QuestionUnanswered,
        Self::EventDoubled,
    ];

    /// How often it happens, in a thousand, where chance has its way.
    fn per_mille(self) -> u64 {
        match self {
            Self::CrashBefore | Self::CrashAfter => 12,
            Self::StoreUnavailable | Self::StoreAnswerLost => 15,
            Self::Refused => 40,
            Self::Paused => 10,
            Self::Frozen => 2,
            Self::WakeUpLost | Self::QuestionUnanswered => 150,
            Self::ListLag => 300,
            Self::WakeUpDoubled | Self::Slow | Self::EventDoubled => 100,
            Self::TooManyRequests | Self::Unavailable | Self::AnswerLost => 80,
            Self::DeliveryFailure | Self::CallbackLost | Self::CallbackDoubled => 150,
            Self::CallbackEarly => 100,
        }
    }
}

/// What is drawn, and what has fired.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<State>);

#[derive(Debug)]
struct State {
    rng: ChaCha8Rng,
    is_wild: bool,
    script: Vec<(Point, Side, u32)>,
    seen: BTreeMap<(Point, Side), u32>,
    always: Vec<Fault>,
    first: Vec<Fault>,
    fired: BTreeMap<Fault, u64>,
}

impl Chance {
    /// Faults as the seed says.
    pub(crate) fn wild(seed: u64) -> Self {
        Self::new(seed, true, Vec::new(), Vec::new(), Vec::new())
    }

    /// No faults but these: deaths at the nth time that a point is reached, faults that always happen, and faults that
    /// happen the first time that they can.
    pub(crate) fn scripted(script: Vec<(Point, Side, u32)>, always: Vec<Fault>, first: Vec<Fault>) -> Self {
        Self::new(0, false, script, always, first)
    }

    fn new(
        seed: u64,
        is_wild: bool,
        script: Vec<(Point, Side, u32)>,
        always: Vec<Fault>,
        first: Vec<Fault>,
    ) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (seen, fired) = (BTreeMap::new(), BTreeMap::new());
        Self(Mutex::new(State { rng, is_wild, script, seen, always, first, fired }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.state().rng.next_u64() % bound.max(1)
    }

    /// Whether a fault happens now.
    pub(crate) fn fires(&self, fault: Fault) -> bool {
        let mut state = self.state();
        let fires = if state.is_wild {
            state.rng.next_u64() % 1_000 < fault.per_mille()
        } else {
            let first = state.first.iter().position(|known| *known == fault);
            first.map(|at| state.first.remove(at)).is_some() || state.always.contains(&fault)
        };
        if fires {
            *state.fired.entry(fault).or_default() += 1;
        }
        fires
    }

    /// Whether a process dies here.
    pub(crate) fn kills(&self, point: Point, side: Side) -> bool {
        let fault = if side == Side::Before { Fault::CrashBefore } else { Fault::CrashAfter };
        let mut state = self.state();
        let seen = state.seen.entry((point, side)).or_default();
        *seen += 1;
        let nth = *seen;
        let kills = if state.is_wild {
            state.rng.next_u64() % 1_000 < fault.per_mille()
        } else {
            state.script.contains(&(point, side, nth))
        };
        if kills {
            *state.fired.entry(fault).or_default() += 1;
        }
        kills
    }

    /// From now on this always goes wrong.
    pub(crate) fn begin(&self, fault: Fault) {
        self.state().always.push(fault);
    }

    /// From now on nothing goes wrong, so that what is under way can end.
    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.is_wild = false;
        state.always.clear();
    }

    /// How often each fault fired.
    pub(crate) fn fired(&self) -> BTreeMap<Fault, u64> {
        self.state().fired.clone()
    }
}
