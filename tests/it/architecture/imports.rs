//! The files of `src/` form a graph without a cycle: an arrow leads from a file to those that define what it names, and
//! to those of its `mod` lines, so that none leads back up to a module around it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

use super::source::Source;

/// The files that a file needs, each with a path that leads there.
type Arrows<'a> = BTreeMap<&'a str, String>;

/// The arrows from each file.
struct Imports<'a>(BTreeMap<&'a str, Arrows<'a>>);

impl<'a> Imports<'a> {
    fn of(source: &'a Source) -> Self {
        let mut imports = BTreeMap::<_, Arrows<'_>>::new();
        for (path, module) in source.modules() {
            let arrows = imports.entry(module.file.as_str()).or_default();
            for used in module.uses() {
                if let Some(file) = source.file_of(path, &used).filter(|file| *file != module.file) {
                    arrows.entry(file).or_insert_with(|| used.join("::"));
                }
            }
            for child in &module.children {
                arrows.insert(child, "mod".to_owned());
            }
        }
        Self(imports)
    }

    /// A shortest cycle for each file that is on one; those whose files were all shown before are left out.
    fn cycles(&self) -> Vec<String> {
        let mut shown = BTreeSet::new();
        let mut cycles = Vec::new();
        for cycle in self.0.keys().filter_map(|file| self.shortest_cycle(file)) {
            if cycle.iter().filter(|file| shown.insert(**file)).count() > 0 {
                cycles.push(self.describe(&cycle));
            }
        }
        cycles
    }

    /// The files of a shortest cycle from `first` on, which stands at its end again.
    fn shortest_cycle(&self, first: &'a str) -> Option<Vec<&'a str>> {
        let mut paths = VecDeque::from([vec![first]]);
        let mut seen = BTreeSet::new();
        while let Some(path) = paths.pop_front() {
            for to in self.0[path[path.len() - 1]].keys().filter(|to| seen.insert(**to)) {
                let longer = [&path[..], &[*to]].concat();
                if *to == first {
                    return Some(longer);
                }
                paths.push_back(longer);
            }
        }
        None
    }

    fn describe(&self, cycle: &[&str]) -> String {
        let steps = cycle.windows(2).map(|step| format!("\n    -> {} ({})", step[1], self.0[step[0]][step[1]]));
        format!("{}{}", cycle[0], steps.collect::<String>())
    }
}

/// The cycles of a crate of these files.
fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    Imports::of(&Source::of(files)).cycles()
}

#[test]
fn no_file_imports_in_a_circle() {
    let source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let imports = Imports::of(&source);
    assert!(imports.0.len() > 200, "these cannot be all files: {:?}", imports.0.keys());
    let arrows: usize = imports.0.values().map(BTreeMap::len).sum();
    assert!(arrows > 1500, "these cannot be all imports: {arrows}");
    let cycles = imports.cycles();
    assert!(cycles.is_empty(), "these files import in a circle:\n{}", cycles.join("\n"));
}

#[test]
fn a_circle_is_shown_file_by_file() {
    let shown = cycles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::{self, B}; pub struct A(B);"),
        ("b.rs", "use super::c; pub struct B; fn f() { c::deep::g() }"),
        ("c.rs", "pub mod deep { use crate::a; pub fn g() { vec![a::A::new()]; } }"),
    ]);
    assert_eq!(shown, ["a.rs\n    -> b.rs (crate::b::B)\n    -> c.rs (c::deep::g)\n    -> a.rs (a::A::new)"]);
}

#[test]
fn a_re_export_is_followed_to_the_file_that_defines_the_item() {
    let files = |child: &'static str| {
        [
            ("lib.rs", "mod room;"),
            ("room/mod.rs", "mod a; mod b; mod parts; pub use parts::*; pub use a::A as Renamed;"),
            ("room/parts.rs", "pub struct Part; impl Part { fn of() -> super::Renamed {} }"),
            ("room/a.rs", child),
            ("room/b.rs", "use super::{Part, Renamed};"),
        ]
    };
    assert_eq!(cycles(&files("pub struct A;")), [""; 0]);
    let circle = "room/a.rs\n    -> room/parts.rs (super::Part)\n    -> room/a.rs (super::Renamed)";
    assert_eq!(cycles(&files("use super::Part; pub struct A(Part);")), [circle]);
}

#[test]
fn an_arrow_back_up_to_a_module_around_is_a_circle() {
    let shown = cycles(&[
        ("lib.rs", "mod room;"),
        ("room/mod.rs", "mod child; pub const LIMIT: usize = 1;"),
        ("room/child.rs", "fn f() -> usize { super::LIMIT }"),
    ]);
    assert_eq!(shown, ["room/child.rs\n    -> room/mod.rs (super::LIMIT)\n    -> room/child.rs (mod)"]);
}

#[test]
fn tests_and_other_crates_make_no_arrow() {
    let lonely = "use tokio::time; use uuid::{self as a, Uuid}; fn f() { time::sleep(a::now()) }
        #[cfg(test)] mod tests { use crate::b::B; }
        #[cfg(test)] mod more;
        struct A; impl A { #[cfg(test)] fn of() { crate::b::g() } fn is() {} }";
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", lonely), ("b.rs", "use crate::a; fn g() { a::f() } struct B;")];
    assert_eq!(cycles(&files), [""; 0]);
}
