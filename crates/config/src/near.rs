//! Names that are nearly right. In: a name, and those that are known. Out: the one that was probably meant.

/// The known name that was probably meant by another.
pub fn meant<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = known.iter().filter(|known| distance(known, name) <= 2);
    near.min_by_key(|known| distance(known, name)).copied()
}

/// The edit distance: how many letters must be changed, added or removed to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
