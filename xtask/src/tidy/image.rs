//! Checks that the image is built with all that the code includes.
//!
//! In: a source file, and `.dockerignore`. Out: a finding for each included file that the image's build would not have.
//! Never: reads a file that only tests include.

use std::path::{Component, Path, PathBuf};

/// What a build of the image always has, beside what `.dockerignore` lets in by name.
const ALWAYS: &str = "crates/";

/// Looks at one source file. `name` is its path below the root, `ignored` the text of `.dockerignore`.
pub(super) fn check(name: &str, text: &str, ignored: &str, find: &mut impl FnMut(usize, &str)) {
    if !name.starts_with(ALWAYS) || !name.contains("/src/") || name.ends_with("tests.rs") {
        return;
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    for (number, line) in code.lines().enumerate() {
        for included in line.split("include_").skip(1).filter_map(|rest| rest.split('"').nth(1)) {
            let folder = Path::new(name).parent().unwrap_or(Path::new(""));
            let file = plain(&folder.join(included));
            let is_let_in = |entry: &str| file.starts_with(entry.trim_start_matches('!'));
            let has = file.starts_with(ALWAYS)
                || ignored.lines().filter(|line| line.starts_with('!')).any(is_let_in);
            if !has {
                let file = file.display();
                find(
                    number + 1,
                    &format!("{file} is not in the image's build: add !{file} to .dockerignore"),
                );
            }
        }
    }
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::Normal(_) => {
                plain.push(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    fn findings(name: &str, text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        super::check(name, text, "*\n!crates\n!examples\n", &mut |line, _| found.push(line));
        found
    }

    #[test]
    fn what_is_included_from_elsewhere_must_be_let_in() {
        let of = |path: &str| format!("//! x\nconst A: &str = include_{}!(\"{path}\");\n", "str");
        let name = "crates/api/src/document.rs";
        assert_eq!(findings(name, &of("../../../docs/openapi.json")), [2]);
        assert_eq!(findings(name, &of("../../../examples/callout.toml")), [0; 0]);
        assert_eq!(findings(name, &of("page.html")), [0; 0]);
        assert_eq!(findings(name, &format!("#[cfg(test)]\n{}", of("../../../docs/x.json"))), [0; 0]);
    }
}
