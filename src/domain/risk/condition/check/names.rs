//! Names: the inputs of an attempt, and the keys of its metadata.

use cel::common::ast::{Expr, IdedExpr, SelectExpr};

use super::{
    checker::{Checker, Typed},
    known::{Known, Narrowed},
};
use crate::domain::risk::condition::{
    schema::{FIELDS, Field, Form, METADATA, Read, field},
    tree::{Number, Test, Text},
};

impl Checker<'_> {
    /// A name, such as `card.country` or `metadata.order_kind`.
    pub(super) fn name(&mut self, part: &IdedExpr, known: &Known) -> Option<Typed> {
        let path = self.path(part)?;
        if let Some(key) = metadata_key(&path) {
            return self.metadata(part, key, known);
        }
        let field = self.field(part, &path)?;
        if !known.has(field) {
            return self.fault(part, format!("`{path}` can be missing: write `has({path}) &&` before it"));
        }
        Some(match field.read {
            Read::Flag(read) => Typed::Test(Test::Field(read), Narrowed::default()),
            Read::Number(unit, read) => Typed::Number(unit, Number::Field(read)),
            Read::Text(form, read) => Typed::Text(form, Text::Field(read)),
        })
    }

    pub(super) fn has(&mut self, select: &SelectExpr) -> Option<Typed> {
        let path = format!("{}.{}", self.path(&select.operand)?, select.field);
        if let Some(key) = metadata_key(&path) {
            return Some(has_metadata(key));
        }
        let field = self.field(&select.operand, &path)?;
        Some(Typed::Test(Test::Has(field), Narrowed::when_true(Known::of(field))))
    }

    fn metadata(&mut self, part: &IdedExpr, key: &str, known: &Known) -> Option<Typed> {
        if !known.has_metadata(key) {
            let guard = format!("`'{key}' in metadata &&`");
            return self.fault(part, format!("`{key}` can be missing in the metadata: write {guard} before it"));
        }
        Some(Typed::Text(Form::Free, Text::Metadata(key.to_owned())))
    }

    /// `metadata['any key']`.
    pub(super) fn metadata_by_index(
        &mut self,
        part: &IdedExpr,
        arguments: &[IdedExpr],
        known: &Known,
    ) -> Option<Typed> {
        match arguments {
            [IdedExpr { expr: Expr::Ident(name), .. }, key] if name == METADATA => {
                let key = self.string(key)?;
                self.metadata(part, key, known)
            }
            _ => self.fault(part, "only `metadata` can be asked for a key, as `metadata['order_kind']`"),
        }
    }

    /// The names of a chain of selections, joined by points.
    fn path(&mut self, part: &IdedExpr) -> Option<String> {
        match &part.expr {
            Expr::Ident(name) => Some(name.clone()),
            Expr::Select(select) if !select.test => Some(format!("{}.{}", self.path(&select.operand)?, select.field)),
            _ => self.fault(part, "only names have fields, as `card.country`"),
        }
    }

    fn field(&mut self, part: &IdedExpr, path: &str) -> Option<&'static Field> {
        field(path).or_else(|| self.fault(part, unknown_name(path)))
    }
}

fn metadata_key(path: &str) -> Option<&str> {
    path.strip_prefix(METADATA)?.strip_prefix('.').filter(|key| !key.contains('.'))
}

pub(super) fn has_metadata(key: &str) -> Typed {
    Typed::Test(Test::HasMetadata(key.to_owned()), Narrowed::when_true(Known::of_metadata(key)))
}

/// Says that a name does not exist, and which one does: the fields of the group, or the name that is most like it.
fn unknown_name(path: &str) -> String {
    let group = format!("{path}.");
    let fields: Vec<_> = FIELDS.iter().map(|field| field.path).filter(|field| field.starts_with(&group)).collect();
    if path == METADATA {
        return "`metadata` must be asked for a key, as `metadata.order_kind`".to_owned();
    }
    if !fields.is_empty() {
        return format!("`{path}` has fields, one of which must be named: {}", fields.join(", "));
    }
    const NEAR: usize = 3;
    let distance = |field: &Field| strsim::damerau_levenshtein(field.path, path);
    let nearest = FIELDS.iter().min_by_key(|field| distance(field));
    match nearest.filter(|field| distance(field) <= NEAR) {
        Some(field) => format!("`{path}` is unknown; `{}` exists", field.path),
        None => format!("`{path}` is unknown"),
    }
}
