//! The table of figures. In: values of several runs. Out: rows with median and spread.

/// Events a second of the steady load.
pub(crate) const STEADY_PER_S: u64 = 200;

pub(crate) fn row(figure: &str, at: &str, digits: usize, values: impl IntoIterator<Item = f64>) {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return };
    let median = values[values.len() / 2];
    println_line(&format!("| {figure} | {at} | {median:.digits$} | {least:.digits$} to {most:.digits$} |"));
}

/// The value in the middle; 0 of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "figures are this program's result")]
pub(crate) fn println_line(text: &str) {
    println!("{text}");
}
