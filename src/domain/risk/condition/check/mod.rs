//! The check: turns the tree of the crate `cel` into ours, and notes every fault on its way.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use super::{
    Fault, MOST_LEVELS,
    parse::Places,
    schema::{FIELDS, Field, Form, METADATA, Read, Unit, field},
    tree::{Number, Test, Text},
};
use crate::domain::risk::lists::Lists;
use known::{Known, Narrowed};

mod comparisons;
pub mod functions;
mod known;
mod logic;

/// Checks an expression that has to be true or false.
pub(super) fn check(expression: &IdedExpr, places: &Places, lists: &Lists) -> Result<Test, Vec<Fault>> {
    let mut checker = Checker { places, lists, faults: Vec::new(), level: 0 };
    let test = checker.test(expression, &Known::default());
    match test {
        Some((test, _)) if checker.faults.is_empty() => Ok(test),
        _ => Err(checker.faults),
    }
}

/// What is needed on the way, and the faults so far. Its methods give `None` where they noted a fault.
struct Checker<'a> {
    places: &'a Places,
    lists: &'a Lists,
    faults: Vec<Fault>,
    level: u16,
}

/// A part with its type.
enum Typed {
    Test(Test, Narrowed),
    Number(Unit, Number),
    Text(Form, Text),
}

impl Typed {
    fn in_words(&self) -> &'static str {
        match self {
            Self::Test(..) => "true or false",
            Self::Number(unit, _) => unit.in_words(),
            Self::Text(form, _) => form.in_words(),
        }
    }
}

impl Checker<'_> {
    fn fault<T>(&mut self, at: &IdedExpr, message: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::new(self.places.start(at), message));
        None
    }

    /// A part of any type. `known` is what is known to be there where it is evaluated.
    fn value(&mut self, part: &IdedExpr, known: &Known) -> Option<Typed> {
        if self.level >= MOST_LEVELS {
            return self.fault(part, format!("the condition is nested deeper than {MOST_LEVELS} levels"));
        }
        self.level += 1;
        let value = self.value_at_level(part, known);
        self.level -= 1;
        value
    }

    fn value_at_level(&mut self, part: &IdedExpr, known: &Known) -> Option<Typed> {
        match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Call(call) if call.func_name == operators::INDEX => self.metadata_by_index(part, &call.args, known),
            Expr::Call(call) => self.call(part, call, known),
            Expr::Select(select) if select.test => self.has(part, select),
            Expr::Select(_) | Expr::Ident(_) => self.name(part, known),
            Expr::Comprehension(_) => {
                self.fault(part, "`all`, `exists`, `exists_one`, `filter` and `map` are not available")
            }
            Expr::List(_) => self.fault(part, "a list can stand on the right of `in` only"),
            Expr::Map(_) | Expr::Struct(_) => self.fault(part, "maps and messages are not available"),
            Expr::Unspecified => self.fault(part, "this is not an expression"),
        }
    }

    /// A part that has to be true or false.
    fn test(&mut self, part: &IdedExpr, known: &Known) -> Option<(Test, Narrowed)> {
        match self.value(part, known)? {
            Typed::Test(test, narrowed) => Some((test, narrowed)),
            other => self.fault(part, format!("this must be true or false, and is {}", other.in_words())),
        }
    }

    /// A part that has to be a text.
    fn text(&mut self, part: &IdedExpr, known: &Known) -> Option<(Form, Text)> {
        match self.value(part, known)? {
            Typed::Text(form, text) => Some((form, text)),
            other => self.fault(part, format!("this must be a text, and is {}", other.in_words())),
        }
    }

    fn literal(&mut self, part: &IdedExpr, literal: &LiteralValue) -> Option<Typed> {
        match literal {
            LiteralValue::Boolean(value) => Some(Typed::Test(Test::Const(*value.inner()), Narrowed::default())),
            LiteralValue::Int(value) => Some(Typed::Number(Unit::Count, Number::Const(*value.inner()))),
            LiteralValue::String(value) => Some(Typed::Text(Form::Free, Text::Const(value.inner().to_owned()))),
            LiteralValue::Double(_) => self.fault(
                part,
                "numbers with a fraction are not available; write amounts as `money('10.00')` or `base_money('10.00')`",
            ),
            LiteralValue::UInt(_) => self.fault(part, "write a whole number without `u`"),
            LiteralValue::Bytes(_) => self.fault(part, "bytes are not available; write a text without `b`"),
            LiteralValue::Null => self.fault(part, "`null` is not available; ask with `has(...)` what is there"),
        }
    }

    /// A name, such as `card.country` or `metadata.order_kind`.
    fn name(&mut self, part: &IdedExpr, known: &Known) -> Option<Typed> {
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

    fn has(&mut self, part: &IdedExpr, select: &SelectExpr) -> Option<Typed> {
        let path = format!("{}.{}", self.path(&select.operand)?, select.field);
        if let Some(key) = metadata_key(&path) {
            return Some(has_metadata(key));
        }
        let field = self.field(part, &path)?;
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
    fn metadata_by_index(&mut self, part: &IdedExpr, arguments: &[IdedExpr], known: &Known) -> Option<Typed> {
        match arguments {
            [IdedExpr { expr: Expr::Ident(name), .. }, key] if name == METADATA => {
                let key = self.string(key)?;
                self.metadata(part, key, known)
            }
            _ => self.fault(part, "only `metadata` can be asked for a key, as `metadata['order_kind']`"),
        }
    }

    /// A text that the rule gives as such.
    fn string<'e>(&mut self, part: &'e IdedExpr) -> Option<&'e str> {
        match &part.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
            _ => self.fault(part, "this must be a text in quotes"),
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
    path.strip_prefix(METADATA)?.strip_prefix('.')
}

fn has_metadata(key: &str) -> Typed {
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
    const LIKENESS: f64 = 0.8;
    let likeness = |field: &Field| strsim::jaro_winkler(field.path, path);
    let nearest = FIELDS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|field| likeness(field) >= LIKENESS) {
        Some(field) => format!("`{path}` is unknown; `{}` exists", field.path),
        None => format!("`{path}` is unknown"),
    }
}
