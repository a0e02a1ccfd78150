//! Which file of a crate imports which, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules of a crate and their sources.
pub struct Crate {
    /// Module path (`["report", "figures"]`; empty for the root) to file.
    files: BTreeMap<Vec<String>, PathBuf>,
    texts: BTreeMap<PathBuf, String>,
    /// What a module exports from others: name to full path.
    exports: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Crate {
    /// The crate whose `lib.rs` lies in `root`, from the paths and texts of its files.
    pub fn new(root: &str, sources: Vec<(PathBuf, String)>) -> Self {
        let mut all = Self { files: BTreeMap::new(), texts: BTreeMap::new(), exports: BTreeMap::new() };
        for (path, text) in sources {
            let below = path.strip_prefix(root).expect("a file of the crate").with_extension("");
            let mut module: Vec<String> = below.iter().map(|part| part.to_str().expect("UTF-8").to_owned()).collect();
            // The binary is a crate of its own.
            if module == ["main"] {
                continue;
            }
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            all.files.insert(module, path.clone());
            all.texts.insert(path, code(&text));
        }
        for (module, path) in &all.files {
            for import in
                uses(&all.texts[path], "pub use ").into_iter().chain(uses(&all.texts[path], "pub(crate) use "))
            {
                let name = import.last().expect("a path has parts").clone();
                all.exports.insert((module.clone(), name), absolute(module, &import, &all.files));
            }
        }
        all
    }

    /// All pairs of files of which the first imports the second; a folder's `mod.rs` and its own files aside.
    pub fn imports(&self) -> BTreeSet<(PathBuf, PathBuf)> {
        let mut edges = BTreeSet::new();
        for (module, path) in &self.files {
            let text = &self.texts[path];
            for import in uses(text, "use ").into_iter().chain(inline(text)) {
                let Some(target) = self.target(&absolute(module, &import, &self.files)) else { continue };
                let related = module.starts_with(&target) || target.starts_with(module);
                if !related {
                    edges.insert((path.clone(), self.files[&target].clone()));
                }
            }
        }
        edges
    }

    /// The module that defines what a path names, exports followed.
    fn target(&self, path: &[String]) -> Option<Vec<String>> {
        let mut path = path.to_vec();
        // Exports of exports end; a circle of them does not compile.
        for _ in 0..16 {
            let depth = (0..=path.len()).rev().find(|depth| self.files.contains_key(&path[..*depth]))?;
            let module = path[..depth].to_vec();
            match path.get(depth).and_then(|name| self.exports.get(&(module.clone(), name.clone()))) {
                Some(origin) => path = [origin.as_slice(), &path[depth + 1..]].concat(),
                None => return Some(module),
            }
        }
        None
    }

    /// Groups of files that import each other in a circle.
    pub fn circles(&self) -> Vec<BTreeSet<PathBuf>> {
        let mut reached: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        let imports = self.imports();
        for start in self.texts.keys() {
            let mut seen = BTreeSet::new();
            let mut open: Vec<&Path> = next(&imports, start).collect();
            while let Some(file) = open.pop() {
                if seen.insert(file) {
                    open.extend(next(&imports, file));
                }
            }
            reached.insert(start, seen);
        }
        let both = |left: &Path, right: &Path| reached[left].contains(right) && reached[right].contains(left);
        let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
        for file in self.texts.keys().filter(|file| reached[file.as_path()].contains(file.as_path())) {
            match circles.iter_mut().find(|circle| circle.iter().any(|other| both(other, file))) {
                Some(circle) => {
                    circle.insert(file.clone());
                }
                None => circles.push(BTreeSet::from([file.clone()])),
            }
        }
        circles
    }
}

/// The files that `from` imports.
fn next<'a>(imports: &'a BTreeSet<(PathBuf, PathBuf)>, from: &'a Path) -> impl Iterator<Item = &'a Path> {
    imports.iter().filter(move |(start, _)| start == from).map(|(_, end)| end.as_path())
}

/// A file without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The paths of all statements that begin with `keyword`, trees written out.
fn uses(text: &str, keyword: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let statements = text.lines().scan(0, |start, line| {
        let at = *start;
        *start += line.len() + 1;
        Some((at, line))
    });
    for (at, line) in statements.filter(|(_, line)| line.trim_start().starts_with(keyword)) {
        let begin = at + (line.len() - line.trim_start().len()) + keyword.len();
        let end = text[begin..].find(';').map_or(text.len(), |end| begin + end);
        written_out(&[], &text[begin..end], &mut paths);
    }
    paths
}

fn written_out(prefix: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    match tree.split_once('{') {
        Some((head, rest)) => {
            let mut prefix = prefix.to_vec();
            prefix.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
            let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
            let (mut depth, mut start) = (0, 0);
            for (at, character) in inner.char_indices() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        written_out(&prefix, &inner[start..at], paths);
                        start = at + 1;
                    }
                    _ => {}
                }
            }
            written_out(&prefix, &inner[start..], paths);
        }
        None if tree.is_empty() => {}
        None => {
            let name = tree.split(" as ").next().unwrap_or(tree);
            let parts =
                name.split("::").map(|part| part.trim().to_owned()).filter(|part| part != "self" && part != "*");
            paths.push(prefix.iter().cloned().chain(parts).collect());
        }
    }
}

/// Paths within code that begin with `crate::` or `super::`.
fn inline(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let part_of_a_path =
                text[..at].ends_with(|before: char| before.is_alphanumeric() || "_:$".contains(before));
            if !part_of_a_path {
                let end = text[at..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
                let path = text[at..end.map_or(text.len(), |end| at + end)].trim_end_matches(':');
                paths.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
    paths
}

/// A path from the crate's root; one into another crate stays as it is and names no module.
fn absolute(module: &[String], path: &[String], files: &BTreeMap<Vec<String>, PathBuf>) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            rest = &path[1..];
        }
        Some("super") => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        Some(child) => {
            base.push(child.to_owned());
            let known = files.contains_key(&base);
            base.pop();
            if !known {
                return vec!["another crate".to_owned()];
            }
        }
        None => {}
    }
    [base.as_slice(), rest].concat()
}

#[test]
fn circles_are_found_through_exports_and_trees() {
    let source = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let files = vec![
        source("src/lib.rs", "mod a;\nmod b;\nmod c;\n"),
        source("src/a/mod.rs", "mod inner;\npub use inner::{Thing, other::Other};\nuse std::fmt;\n"),
        source("src/a/inner.rs", "use crate::b::{\n    x::{Y, Z},\n    W,\n};\n// use crate::c::C;\n"),
        source("src/b.rs", "fn f() -> crate::c::C { }\n"),
        source("src/c.rs", "use super::a::Thing;\n#[cfg(test)]\nmod tests {\n    use crate::d;\n}\n"),
    ];
    let circle = BTreeSet::from(["src/a/inner.rs", "src/b.rs", "src/c.rs"].map(PathBuf::from));
    assert_eq!(Crate::new("src", files.clone()).circles(), [circle]);
    let open = files.into_iter().filter(|(path, _)| path != Path::new("src/c.rs")).collect();
    assert!(Crate::new("src", open).circles().is_empty());
}
