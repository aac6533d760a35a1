//! What agents are answered with, small enough for their context. In: rows. Out: as many as fit, and where to go on.
//!
//! Never: more than about four kilobytes.

use schemars::JsonSchema;
use serde::Serialize;

/// Bytes of rows that one answer holds at most. They go out twice: as text, for clients that know no more, and structured.
const ROWS_BYTES_MAX: usize = 1_700;
/// Rows that one answer holds at most.
pub(crate) const ROWS_MAX: usize = 50;

/// A page of rows.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) rows: Vec<T>,
    /// Give it as `cursor` for the next page; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// The first of the rows, as many as fit. Whether some are left out.
pub(crate) fn fit<T: Serialize>(rows: Vec<T>) -> (Vec<T>, bool) {
    fit_into(rows, ROWS_BYTES_MAX)
}

/// The first of the rows, as many as fit into so many bytes.
pub(crate) fn fit_into<T: Serialize>(rows: Vec<T>, bytes_max: usize) -> (Vec<T>, bool) {
    let (all, mut bytes, mut fitting) = (rows.len(), 0, Vec::new());
    for row in rows.into_iter().take(ROWS_MAX) {
        bytes += serde_json::to_string(&row).map_or(0, |json| json.len());
        if bytes > bytes_max && !fitting.is_empty() {
            break;
        }
        fitting.push(row);
    }
    let is_cut = fitting.len() < all;
    (fitting, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_by_their_number_and_their_bytes_and_one_is_always_there() {
        assert_eq!(fit(vec!["a"; 3]), (vec!["a"; 3], false));
        assert_eq!(fit(vec!["a"; 60]), (vec!["a"; 50], true));
        let long = "x".repeat(800);
        assert_eq!(fit(vec![long.clone(); 3]).0.len(), 2);
        let longer = "x".repeat(5_000);
        assert_eq!(fit(vec![longer; 2]).0.len(), 1);
    }
}
