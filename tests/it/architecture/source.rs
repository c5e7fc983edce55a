//! The modules of the crate as the compiler finds them, tests left out: their items, the names they bind by `use`, and
//! every path they mention.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use quote::ToTokens as _;
use syn::{Ident, Item, ItemUse, UseTree};

use super::mentions::{Mentions, is_for_tests};

/// The most re-exports in a row that are followed.
const MAX_HOPS: usize = 16;

/// The segments of a path: `crate`, `domain`, `money`, `Money`.
pub type Segments = Vec<String>;

/// The modules, by their paths from `crate` on.
#[derive(Default)]
pub struct Source(BTreeMap<Segments, Module>);

/// A module, inline ones included.
#[derive(Default)]
pub struct Module {
    /// Its file below `src/`.
    pub file: String,
    /// The modules that a line `mod name;` gives it, by their files.
    pub children: Vec<String>,
    /// The names that its `use` lines bind.
    bindings: BTreeMap<String, Segments>,
    /// The modules from which it takes every name.
    globs: Vec<Segments>,
    items: BTreeSet<String>,
    /// The paths it mentions beside its `use` lines.
    paths: BTreeSet<Segments>,
}

impl Source {
    /// Reads the crate whose sources are below `src`.
    pub fn read(src: &Path) -> Self {
        let mut source = Self::default();
        source.read_file(&|file| fs::read_to_string(src.join(file)).ok(), "lib.rs", &["crate".to_owned()]);
        source
    }

    /// Reads a crate of these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut source = Self::default();
        let text = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned());
        source.read_file(&text, "lib.rs", &["crate".to_owned()]);
        source
    }

    /// The modules with their paths.
    pub fn modules(&self) -> impl Iterator<Item = (&Segments, &Module)> {
        self.0.iter()
    }

    fn read_file(&mut self, text: &dyn Fn(&str) -> Option<String>, file: &str, module: &[String]) {
        let parsed = syn::parse_file(&text(file).unwrap()).unwrap_or_else(|wrong| panic!("{file}: {wrong}"));
        self.0.insert(module.to_vec(), Module { file: file.to_owned(), ..Module::default() });
        self.read_items(text, module, parsed.items);
    }

    fn read_items(&mut self, text: &dyn Fn(&str) -> Option<String>, module: &[String], items: Vec<Item>) {
        for item in items.into_iter().filter(|item| !is_for_tests(item)) {
            let this = self.0.get_mut(module).unwrap();
            match item {
                Item::Mod(child) => {
                    let path = [module, &[child.ident.to_string()]].concat();
                    if let Some((_, items)) = child.content {
                        let file = this.file.clone();
                        self.0.insert(path.clone(), Module { file, ..Module::default() });
                        self.read_items(text, &path, items);
                    } else {
                        let stem = path[1..].join("/");
                        let flat = format!("{stem}.rs");
                        let file = if text(&flat).is_some() { flat } else { format!("{stem}/mod.rs") };
                        this.children.push(file.clone());
                        self.read_file(text, &file, &path);
                    }
                }
                Item::Use(line) => this.bind(&line),
                item => {
                    this.items.extend(name_of(&item).map(Ident::to_string));
                    let mentions = Mentions::of(item.to_token_stream());
                    this.paths.extend(mentions.paths);
                    mentions.lines.iter().for_each(|line| this.bind(line));
                }
            }
        }
    }

    /// Follows a path that `module` mentions, through re-exports, to the file that defines the item it names. `None`: the
    /// path leaves the crate, or ends at a module, of which nothing is used by that.
    pub fn file_of(&self, module: &[String], path: &[String]) -> Option<&str> {
        self.follow(module, path, true, MAX_HOPS)
    }

    /// As [`file_of`](Self::file_of); unless `is_sure`, a name that is no item of the module is not there.
    fn follow(&self, module: &[String], path: &[String], is_sure: bool, hops: usize) -> Option<&str> {
        let hops = hops.checked_sub(1)?;
        let (mut at, mut rest, mut has_moved) = (module.to_vec(), path, false);
        while let Some((step, later)) = rest.split_first() {
            match step.as_str() {
                "crate" => at.truncate(1),
                "super" => drop(at.pop()),
                "self" => {}
                _ => break,
            }
            (rest, has_moved) = (later, true);
        }
        while let Some((name, later)) = rest.split_first() {
            let here = &self.0[&at];
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if self.0.contains_key(&child) {
                (at, rest, has_moved) = (child, later, true);
            } else if here.items.contains(name) || name == "*" {
                return Some(&here.file);
            } else if let Some(bound) = here.bindings.get(name) {
                return self.follow(&at, &[bound, later].concat(), is_sure, hops);
            } else {
                let mut globs = here.globs.iter();
                let taken = globs.find_map(|glob| self.follow(&at, &[glob, rest].concat(), false, hops));
                // Items that a macro defines cannot be read, but their module is named.
                return taken.or((is_sure && has_moved).then_some(&here.file));
            }
        }
        None
    }
}

impl Module {
    /// The paths of all that it uses; one of every name in a module ends with `*`.
    pub fn uses(&self) -> impl Iterator<Item = Segments> {
        let globs = self.globs.iter().map(|glob| [&glob[..], &["*".to_owned()]].concat());
        self.bindings.values().chain(&self.paths).cloned().chain(globs)
    }

    fn bind(&mut self, line: &ItemUse) {
        self.bind_tree(Vec::new(), &line.tree);
    }

    fn bind_tree(&mut self, mut path: Segments, tree: &UseTree) {
        let (name, bound) = match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.bind_tree(path, &step.tree);
            }
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.bind_tree(path.clone(), tree)),
            UseTree::Glob(_) => return self.globs.push(path),
            UseTree::Name(name) => (name.ident.to_string(), None),
            UseTree::Rename(name) => (name.ident.to_string(), Some(name.rename.to_string())),
        };
        if name != "self" {
            path.push(name);
        }
        let last = path.last().unwrap();
        // Traits that are imported as `_` have no name that could be mentioned.
        let bound = bound.filter(|bound| bound != "_").unwrap_or_else(|| last.clone());
        self.bindings.insert(bound, path);
    }
}

fn name_of(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(it) => Some(&it.ident),
        Item::Enum(it) => Some(&it.ident),
        Item::Fn(it) => Some(&it.sig.ident),
        Item::Macro(it) => it.ident.as_ref(),
        Item::Static(it) => Some(&it.ident),
        Item::Struct(it) => Some(&it.ident),
        Item::Trait(it) => Some(&it.ident),
        Item::Type(it) => Some(&it.ident),
        Item::Union(it) => Some(&it.ident),
        _ => None,
    }
}
