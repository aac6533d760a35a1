//! The arguments of `callout consent`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{phone::E164, workflow::Category};
use jiff::Timestamp;

use super::runs::parse_since;

#[derive(Debug, Subcommand)]
pub(crate) enum Consent {
    /// Show what the owner of a number agreed to, and the evidence.
    Show {
        /// The number, for example +14155550101.
        number: E164,
    },
    /// Record that somebody agreed to texts of a category.
    ///
    /// Lifts no opt-out: who sent STOP sends START.
    Grant {
        /// The number, for example +14155550101.
        number: E164,
        /// To which texts.
        #[arg(long, value_parser = category)]
        category: Category,
        #[command(flatten)]
        proof: Proof,
    },
    /// Record that somebody takes a grant back or, without --category, wants no texts at all.
    Revoke {
        /// The number, for example +14155550101.
        number: E164,
        /// Of which texts.
        #[arg(long, value_parser = category)]
        category: Option<Category>,
        #[command(flatten)]
        proof: Proof,
    },
    /// Record what a CSV file lists. A bad row is reported, and the others are recorded.
    ///
    /// The first row names the columns: number, change (grant, revoke or opt_out), category, and, where wanted, at,
    /// evidence, wording and channel. A row without evidence has the file's name and its line. A file may be imported again:
    /// what is recorded already changes nothing.
    Import(ConsentImport),
    /// Print the consent log of all numbers as CSV, with whole numbers.
    ///
    /// It can be imported again, here or into another installation; source and by are then those of the import.
    Export,
}

/// What shows that it is so.
#[derive(Debug, Args)]
pub(crate) struct Proof {
    /// What shows it, and where that is kept, for example \"form 4711\".
    #[arg(long)]
    pub(crate) evidence: String,
    /// What the person was shown or told.
    #[arg(long, default_value = "")]
    pub(crate) wording: String,
    /// How they said so, for example \"web form\" or \"phone call\".
    #[arg(long, default_value = "")]
    pub(crate) channel: String,
    /// When, or how long ago; now without it.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) at: Option<Timestamp>,
    /// Your name, as the evidence shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConsentImport {
    /// The file, or - for standard input.
    pub(crate) file: PathBuf,
    /// Say what would be recorded, and record nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Your name, as the evidence shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

fn category(text: &str) -> Result<Category, String> {
    Category::ALL
        .into_iter()
        .find(|category| category.as_str() == text)
        .ok_or_else(|| format!("expected one of {}", Category::ALL.map(Category::as_str).join(", ")))
}
