//! Checks that documents point to what exists.
//!
//! In: a Markdown file. Out: a finding for each relative link without a target, and for each source file that is named
//! and does not exist.
//! Never: follows a link to another site.

use std::path::Path;

/// Looks at one document. `file` is its path below `root`.
pub(super) fn check(root: &Path, file: &str, text: &str, find: &mut impl FnMut(usize, &str)) {
    let folder = root.join(file).parent().map(Path::to_path_buf).unwrap_or_default();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for link in links(line) {
            let path = link.split('#').next().unwrap_or("");
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                find(number + 1, &format!("the link to {link} leads nowhere"));
            }
        }
        for name in line.split('`').skip(1).step_by(2).filter(|name| is_source(name)) {
            // Documents may leave out `crates/`.
            if !root.join(name).exists() && !root.join("crates").join(name).exists() {
                find(number + 1, &format!("there is no file {name}"));
            }
        }
    }
}

fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// Whether it names one source file, with its folder.
fn is_source(name: &str) -> bool {
    let is_path =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '/' | '.' | '_' | '-');
    name.ends_with(".rs") && (name.contains("/src/") || name.contains("/tests/")) && name.chars().all(is_path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn findings(text: &str) -> Vec<(usize, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = Vec::new();
        super::check(root, "docs/x.md", text, &mut |line, what| found.push((line, what.to_owned())));
        found
    }

    #[test]
    fn links_and_files_that_exist_are_fine() {
        let text = "[a](../README.md#five-minutes) [b](https://example.org/x) [c](#here)\n\
                    `xtask/src/main.rs`, `domain/src/lib.rs`, `run/x.rs`, `NAME/src/*.rs`\n\
                    ```\n[d](nowhere.md) `cli/src/none.rs`\n```\n";
        assert_eq!(findings(text), []);
    }

    #[test]
    fn what_does_not_exist_is_found_with_its_line() {
        let found = findings("ok\n[a](none.md)\nsee `cli/src/none.rs`, `open`\n");
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
        assert!(found[0].1.contains("none.md") && found[1].1.contains("cli/src/none.rs"), "{found:?}");
    }
}
