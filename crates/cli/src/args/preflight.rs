//! The arguments of a preflight.

use std::collections::BTreeSet;

use clap::Args;
use domain::{
    limits::{COVERAGE_DAYS, COVERAGE_DAYS_MAX},
    preflight::Check,
};

use crate::args::values::number;

#[derive(Debug, Args)]
pub(crate) struct Preflight {
    /// Make these checks only: account, sender, registration, countries, webhook, templates, coverage. What they find is
    /// shown and not kept.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = check)]
    pub(crate) only: Vec<Check>,
    /// Look so many days ahead for times at which a step would text nobody.
    #[arg(long, default_value_t = COVERAGE_DAYS, value_parser = number::<u16>(1..=u64::from(COVERAGE_DAYS_MAX)))]
    pub(crate) days: u16,
}

impl Preflight {
    /// The checks that were named, or all.
    pub(crate) fn chosen(&self) -> BTreeSet<Check> {
        Check::ALL.into_iter().filter(|check| self.only.is_empty() || self.only.contains(check)).collect()
    }
}

fn check(text: &str) -> Result<Check, String> {
    let names = || Check::ALL.map(Check::as_str).join(", ");
    let named = Check::ALL.into_iter().find(|check| check.as_str() == text);
    named.ok_or_else(|| format!("there is no such check; there are {}", names()))
}
