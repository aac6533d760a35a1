//! Finds files of one crate that use each other in a circle.
//!
//! In: the arrows between files. Out: a finding for each circle, with what is easiest to move.
//! Never: allows a circle: two files that need each other are one file, or three.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::modules::Arrows;

/// Where the circle shows, and what to do about it.
pub(super) struct Circle {
    /// The file whose names the others should find elsewhere.
    pub(super) file: PathBuf,
    pub(super) message: String,
}

/// Every circle among these arrows.
pub(super) fn circles(arrows: &Arrows, folder: &Path) -> Vec<Circle> {
    let all = arrows.keys().map(|(from, to)| (from.as_path(), to.as_path()));
    knots(all).iter().filter_map(|knot| describe(knot, arrows, folder)).collect()
}

/// The sets of files that reach each other.
fn knots<'a>(arrows: impl Iterator<Item = (&'a Path, &'a Path)>) -> Vec<BTreeSet<&'a Path>> {
    let mut next: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for (from, to) in arrows {
        next.entry(from).or_default().push(to);
    }
    let reached = |start: &Path| {
        let mut found: BTreeSet<&Path> = BTreeSet::new();
        let mut open = next.get(start).cloned().unwrap_or_default();
        while let Some(file) = open.pop() {
            if found.insert(file) {
                open.extend(next.get(file).into_iter().flatten());
            }
        }
        found
    };
    let all: BTreeMap<&Path, BTreeSet<&Path>> = next.keys().map(|file| (*file, reached(file))).collect();
    let reaches = |from: &Path, to: &Path| all.get(from).is_some_and(|found| found.contains(to));
    let mut knots: Vec<BTreeSet<&Path>> = Vec::new();
    for &file in all.keys().filter(|file| reaches(file, file)) {
        if !knots.iter().any(|knot| knot.contains(file)) {
            let knot = all.keys().filter(|other| reaches(file, other) && reaches(other, file));
            knots.push(knot.copied().collect());
        }
    }
    knots
}

fn describe(knot: &BTreeSet<&Path>, arrows: &Arrows, folder: &Path) -> Option<Circle> {
    let name = |file: &Path| file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let inside: Vec<_> = arrows
        .iter()
        .map(|((from, to), names)| (from.as_path(), to.as_path(), names))
        .filter(|(from, to, _)| knot.contains(from) && knot.contains(to))
        .collect();
    let given = |file: &Path| -> BTreeSet<String> {
        inside.iter().filter(|(_, to, _)| *to == file).flat_map(|(_, _, names)| (*names).clone()).collect()
    };
    // The file without whose names the least of the circle is left; of equals, the one that gives the fewest.
    let left = |file: &Path| -> usize {
        let others = inside.iter().filter(|(_, to, _)| *to != file).map(|(from, to, _)| (*from, *to));
        knots(others).iter().map(BTreeSet::len).sum()
    };
    let file = *knot.iter().min_by_key(|file| (left(file), given(file).len()))?;
    let files: Vec<_> = knot.iter().map(|file| name(file)).collect();
    let lines: Vec<_> = inside
        .iter()
        .map(|(from, to, taken)| format!("  {} -> {}: {}", name(from), name(to), list(taken)))
        .collect();
    let message = format!(
        "a circle of {} files: {}\n{}\n  the others take {} from {}: move that into a file of its own, which all of them \
         may use, or to what needs it most",
        files.len(),
        files.join(", "),
        lines.join("\n"),
        list(&given(file)),
        name(file),
    );
    Some(Circle { file: file.to_owned(), message })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Arrows, circles};

    fn found(arrows: &[(&str, &str, &str)]) -> Vec<String> {
        let mut all = Arrows::new();
        for (from, to, name) in arrows {
            all.entry((from.into(), to.into())).or_default().insert((*name).to_owned());
        }
        circles(&all, Path::new("")).into_iter().map(|circle| circle.message).collect()
    }

    #[test]
    fn arrows_in_one_direction_make_no_circle() {
        assert_eq!(found(&[("a", "b", "X"), ("a", "c", "Y"), ("b", "c", "Z")]), [""; 0]);
    }

    #[test]
    fn each_circle_is_reported_once_with_what_is_easiest_to_move() {
        let arrows = [
            ("a", "b", "X"),
            ("a", "b", "Y"),
            ("b", "a", "Z"),
            ("c", "d", "V"),
            ("d", "c", "W"),
            ("d", "a", "U"),
        ];
        let found = found(&arrows);
        assert_eq!(found.len(), 2);
        assert!(
            found[0].starts_with("a circle of 2 files: a, b\n  a -> b: X, Y\n  b -> a: Z\n"),
            "{}",
            found[0]
        );
        assert!(found[0].contains("the others take Z from a"), "{}", found[0]);
        assert!(!found[1].contains("U"), "what leads out of a circle is no part of it: {}", found[1]);
    }

    #[test]
    fn circles_that_share_a_file_are_one() {
        let found = found(&[("a", "b", "X"), ("b", "a", "X"), ("b", "c", "X"), ("c", "b", "X")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a circle of 3 files: a, b, c\n"), "{}", found[0]);
    }
}
