//! Which file of a crate takes what from which other.
//!
//! In: the source files of one crate, from its root on. Out: an arrow for each pair of files, with the names taken.
//! Never: follows a macro's expansion, or sees a method that is called without its type being named.
//!
//! A re-export (`pub use child::Thing`) is no arrow: a name is followed to the file that defines it. A parent that uses
//! what it re-exports takes it like anybody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::tokens::{Token, tokens};

/// A module's path from the crate's root, which is empty itself.
type Module = Vec<String>;

/// What a file takes from another: from, to, names.
pub(super) type Arrows = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// How many re-exports are followed before a name is given up.
const REEXPORTS_MAX: usize = 8;

struct Import {
    path: Vec<String>,
    /// The name in scope; `*` for a glob.
    name: String,
    is_reexport: bool,
}

struct Source {
    file: PathBuf,
    imports: Vec<Import>,
    /// Paths in code, and single words, which may name something imported.
    paths: Vec<Vec<String>>,
    defined: BTreeSet<String>,
}

/// The modules of one crate.
pub(super) struct Crate {
    sources: BTreeMap<Module, Source>,
}

impl Crate {
    /// Reads a crate from its root file, `lib.rs` or `main.rs`.
    pub(super) fn read(root: &Path) -> Self {
        let mut sources = BTreeMap::new();
        let folder = root.parent().unwrap_or(Path::new("")).to_owned();
        let mut open = vec![(Vec::new(), root.to_owned(), folder)];
        while let Some((module, file, folder)) = open.pop() {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let (source, children) = read_source(file, &tokens(&text));
            for Child { name, path } in children {
                let beside = source.file.parent().unwrap_or(Path::new(""));
                let file = match path {
                    Some(path) => beside.join(path),
                    None => Some(folder.join(format!("{name}.rs")))
                        .filter(|file| file.exists())
                        .unwrap_or_else(|| folder.join(&name).join("mod.rs")),
                };
                let child: Module = module.iter().chain([&name]).cloned().collect();
                open.push((child, file, folder.join(&name)));
            }
            sources.insert(module, source);
        }
        Self { sources }
    }

    /// Every arrow between two files.
    pub(super) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (module, source) in &self.sources {
            let used: BTreeSet<&str> = source.paths.iter().map(|path| path[0].as_str()).collect();
            let imports = source.imports.iter().filter(|import| {
                // What is only passed on is not used.
                !import.is_reexport || used.contains(import.name.as_str())
            });
            let imported = imports.map(|import| &import.path);
            // A single word in code reaches another file through an import, and that is in the list.
            let in_code = source.paths.iter().filter(|path| path.len() > 1);
            for path in imported.chain(in_code) {
                let Some((target, name)) = self.resolve(module, path, REEXPORTS_MAX) else { continue };
                let to = &self.sources[&target].file;
                if *to != source.file {
                    arrows.entry((source.file.clone(), to.clone())).or_default().insert(name);
                }
            }
        }
        arrows
    }

    /// The module that defines what a path names, as it is written in `from`; and the name.
    fn resolve(&self, from: &Module, path: &[String], follows: usize) -> Option<(Module, String)> {
        let (mut module, mut rest) = self.start(from, path, follows)?;
        while let Some((name, further)) = rest.split_first() {
            let child: Module = module.iter().chain([name]).cloned().collect();
            if self.sources.contains_key(&child) {
                (module, rest) = (child, further);
                continue;
            }
            return Some(self.definition(&module, rest, follows));
        }
        let name = module.last().cloned().unwrap_or_else(|| "crate".to_owned());
        Some((module, name))
    }

    /// Where a path begins, and what of it is left. `None` if it leads out of this crate.
    fn start<'p>(&self, from: &Module, path: &'p [String], follows: usize) -> Option<(Module, &'p [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest)),
            "self" => Some((from.clone(), rest)),
            "super" => {
                let mut module = from.clone();
                let ups = path.iter().take_while(|word| *word == "super").count();
                module.truncate(module.len().checked_sub(ups)?);
                Some((module, &path[ups..]))
            }
            name => {
                let child: Module = from.iter().cloned().chain([name.to_owned()]).collect();
                if self.sources.contains_key(&child) {
                    return Some((child, rest));
                }
                let import = self.sources[from].imports.iter().find(|import| import.name == name)?;
                if follows == 0 || import.path.first().is_some_and(|word| word == name) {
                    return None;
                }
                // Of a module that was imported, the path may name a part.
                let (module, found) = self.resolve(from, &import.path, follows - 1)?;
                (module.last() == Some(&found)).then_some((module, rest))
            }
        }
    }

    /// Follows re-exports to the module that defines a name.
    fn definition(&self, module: &Module, rest: &[String], follows: usize) -> (Module, String) {
        let name = &rest[0];
        let here = || (module.clone(), name.clone());
        let source = &self.sources[module];
        if follows == 0 || source.defined.contains(name) {
            return here();
        }
        let named = source.imports.iter().filter(|import| import.name == *name).map(|import| {
            let path = import.path.iter().chain(&rest[1..]).cloned().collect::<Vec<_>>();
            self.resolve(module, &path, follows - 1)
        });
        let globs = source.imports.iter().filter(|import| import.name == "*").map(|import| {
            let (target, _) = self.resolve(module, &import.path, follows - 1)?;
            let found = self.definition(&target, rest, follows - 1);
            self.sources[&found.0].defined.contains(name).then_some(found)
        });
        named.chain(globs).flatten().next().unwrap_or_else(here)
    }
}

struct Child {
    name: String,
    /// What a `#[path]` says.
    path: Option<String>,
}

fn read_source(file: PathBuf, tokens: &[Token]) -> (Source, Vec<Child>) {
    let mut source = Source { file, imports: Vec::new(), paths: Vec::new(), defined: BTreeSet::new() };
    let mut children = Vec::new();
    let mut path_attribute = None;
    let mut depth = 0_usize;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let next = match tokens.get(index + 1) {
            Some(Token::Word(word)) => Some(word.as_str()),
            Some(Token::Text(_) | Token::PathSeparator | Token::Mark(_)) | None => None,
        };
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth = depth.saturating_sub(1),
            Token::Mark(_) | Token::PathSeparator => {}
            Token::Text(text) => {
                if index >= 3 && tokens[index - 3].is_mark('[') && tokens[index - 2].is_word("path") {
                    path_attribute = Some(text.clone());
                }
            }
            Token::Word(keyword) => match (keyword.as_str(), next) {
                ("const", Some("fn")) => {}
                ("use", _) => {
                    let is_reexport = is_public(&tokens[..index]);
                    index = read_use(tokens, index + 1, is_reexport, &mut source.imports);
                    continue;
                }
                ("mod", Some(name)) => {
                    if tokens.get(index + 2).is_some_and(|next| next.is_mark(';')) {
                        children.push(Child { name: name.to_owned(), path: path_attribute.take() });
                    }
                    index += 2;
                    continue;
                }
                ("fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static", Some(name))
                    if depth == 0 =>
                {
                    source.defined.insert(name.to_owned());
                    index += 2;
                    continue;
                }
                _ => {
                    let (path, next) = read_path(tokens, index);
                    source.paths.push(path);
                    index = next;
                    continue;
                }
            },
        }
        index += 1;
    }
    (source, children)
}

fn is_public(before: &[Token]) -> bool {
    match before.last() {
        Some(Token::Word(word)) => word == "pub",
        Some(Token::Mark(')')) => {
            let open = before.iter().rposition(|token| token.is_mark('('));
            open.is_some_and(|open| open > 0 && before[open - 1].is_word("pub"))
        }
        Some(Token::Mark(_) | Token::Text(_) | Token::PathSeparator) | None => false,
    }
}

fn read_path(tokens: &[Token], from: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut index = from;
    while let Some(Token::Word(word)) = tokens.get(index) {
        path.push(word.clone());
        index += 1;
        if tokens.get(index) != Some(&Token::PathSeparator) {
            break;
        }
        index += 1;
    }
    (path, index.max(from + 1))
}

/// Reads a tree of imports up to its semicolon; returns the place behind it.
fn read_use(tokens: &[Token], from: usize, is_reexport: bool, imports: &mut Vec<Import>) -> usize {
    let mut stack: Vec<Vec<String>> = vec![Vec::new()];
    let mut path: Vec<String> = Vec::new();
    let mut alias: Option<String> = None;
    let mut index = from;
    let mut keep = |path: &mut Vec<String>, alias: &mut Option<String>| {
        let Some(last) = path.last().cloned() else { return };
        if last == "self" && path.len() > 1 {
            path.pop();
        }
        let is_glob = last == "*";
        if is_glob {
            path.pop();
        }
        let usual = if is_glob { last } else { path.last().cloned().unwrap_or_default() };
        imports.push(Import { path: std::mem::take(path), name: alias.take().unwrap_or(usual), is_reexport });
    };
    while let Some(token) = tokens.get(index) {
        match token {
            Token::Word(word) if word == "as" => {
                if let Some(Token::Word(name)) = tokens.get(index + 1) {
                    alias = Some(name.clone());
                    index += 1;
                }
            }
            Token::Word(word) => path.push(word.clone()),
            Token::Mark('*') => path.push("*".to_owned()),
            Token::Mark('{') => stack.push(path.clone()),
            Token::Mark(mark @ (',' | '}' | ';')) => {
                if stack.last() != Some(&path) {
                    keep(&mut path, &mut alias);
                }
                match mark {
                    ',' => {}
                    '}' => drop(stack.pop()),
                    _ => return index + 1,
                }
                // What an inner list leaves behind is complete: it is not kept a second time.
                path = stack.last().cloned().unwrap_or_default();
            }
            Token::Mark(_) | Token::Text(_) | Token::PathSeparator => {}
        }
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::Crate;

    /// The arrows of a crate with these files, as `from -> to: names`.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("tidy-{}-{:p}", std::process::id(), files));
        for (name, text) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let arrows = Crate::read(&folder.join(files[0].0)).arrows();
        fs::remove_dir_all(&folder).unwrap();
        let name = |file: &Path| file.strip_prefix(&folder).unwrap().display().to_string();
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        arrows
            .iter()
            .map(|((from, to), names)| format!("{} -> {}: {}", name(from), name(to), list(names)))
            .collect()
    }

    #[test]
    fn a_parent_that_declares_and_re_exports_takes_nothing_from_its_child() {
        let found = arrows(&[
            ("lib.rs", "mod a; pub use a::{Thing, helper as help}; pub struct Own;"),
            ("a.rs", "use crate::Own; pub struct Thing; pub fn helper(_: Own) {}"),
        ]);
        assert_eq!(found, ["a.rs -> lib.rs: Own"]);
    }

    #[test]
    fn a_parent_that_uses_what_it_re_exports_takes_it() {
        let found = arrows(&[
            ("lib.rs", "mod a; pub use a::Thing; pub fn f() -> Thing { Thing }"),
            ("a.rs", "pub struct Thing;"),
        ]);
        assert_eq!(found, ["lib.rs -> a.rs: Thing"]);
    }

    #[test]
    fn names_are_followed_through_re_exports_to_the_file_that_defines_them() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b; pub use a::*; pub(crate) use b::Other;"),
            ("a.rs", "mod inner; pub use inner::Thing;"),
            ("a/inner.rs", "pub struct Thing; use crate::Other;"),
            ("b.rs", "use super::Thing; pub struct Other;"),
        ]);
        assert_eq!(found, ["a/inner.rs -> b.rs: Other", "b.rs -> a/inner.rs: Thing"]);
    }

    #[test]
    fn paths_in_code_count_and_test_code_does_not() {
        let found = arrows(&[
            ("main.rs", "mod a; mod b; fn main() { a::run(); }"),
            ("a.rs", "use crate::b as bee; pub fn run() { bee::deep::f(); }"),
            ("b.rs", "pub mod deep; #[cfg(test)] mod tests { use crate::a; }"),
            ("b/deep.rs", "pub fn f() { super::g(); } // crate::a::run()"),
        ]);
        let expected =
            ["a.rs -> b/deep.rs: f", "a.rs -> b.rs: b", "b/deep.rs -> b.rs: g", "main.rs -> a.rs: run"];
        assert_eq!(found, expected);
    }

    #[test]
    fn nested_imports_and_paths_to_other_crates_are_told_apart() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use std::{fs::{self, File}, path::*}; use crate::{b::{self, Deep}, c};"),
            ("b.rs", "pub struct Deep; use a::Foreign;"),
        ]);
        assert_eq!(found, ["a.rs -> b.rs: Deep, b", "a.rs -> lib.rs: c"]);
    }
}
