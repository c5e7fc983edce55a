//! The fence around the crate `cel`: the text is bounded, and it is read, checked and dropped on a thread whose stack is large
//! enough for the deepest tree that such a text can have. A panic of the crate ends that thread alone.

use std::thread;

use cel::{
    ParseError, ParseErrors,
    common::ast::{Expr, IdedExpr, SourceInfo},
    parser::Parser,
};

use super::fault::{Fault, MOST_BYTES, MOST_LEVELS};

/// The stack of the thread. [`MOST_BYTES`] of `a.a.a…` make a tree of a thousand levels, which a debug build walks in 8 MiB.
const STACK: usize = 64 << 20;
/// Faults of the text itself after which the parser gives up.
const MOST_SYNTAX_FAULTS: u32 = 10;

/// Said of a text on which the crate gave up by a panic.
pub(super) const UNREADABLE: &str = "the condition could not be read";

/// Where the parts of an expression stand in its text.
pub(super) struct Places(SourceInfo);

/// Parses the text, and hands the expression to `then`, on a thread of its own.
pub(super) fn with_parsed<T: Send>(
    source: &str,
    then: impl FnOnce(&IdedExpr, &Places) -> Result<T, Vec<Fault>> + Send,
) -> Result<T, Vec<Fault>> {
    if source.len() > MOST_BYTES {
        return Err(vec![Fault::new(0, format!("the condition is longer than {MOST_BYTES} bytes"))]);
    }
    thread::scope(|scope| {
        let parse = || parse(source).and_then(|(expression, places)| then(&expression, &places));
        let thread = thread::Builder::new().name("risk-condition".to_owned()).stack_size(STACK);
        thread.spawn_scoped(scope, parse).ok().and_then(|thread| thread.join().ok())
    })
    .unwrap_or_else(|| Err(vec![Fault::new(0, UNREADABLE)]))
}

fn parse(source: &str) -> Result<(IdedExpr, Places), Vec<Fault>> {
    if source.trim().is_empty() {
        return Err(vec![Fault::new(0, "the condition is empty")]);
    }
    let parser = Parser::new().max_recursion_depth(MOST_LEVELS).error_recovery_limit(MOST_SYNTAX_FAULTS);
    let parsed = parser.parse_with_source_info(source);
    parsed.map(|(expression, info)| (expression, Places(info))).map_err(|errors| faults(source, &errors))
}

fn faults(source: &str, errors: &ParseErrors) -> Vec<Fault> {
    let fault = |error: &ParseError| Fault::new(offset(source, error.pos), in_words(&error.msg));
    // A fault that follows from a broken part comes second, in internal names of the crate.
    let (internal, of_text): (Vec<_>, Vec<_>) = errors.errors.iter().partition(|error| error.msg.contains("Context"));
    let told = if of_text.is_empty() { internal } else { of_text };
    told.into_iter().map(fault).collect()
}

/// The parser's message, without its tables of tokens.
fn in_words(message: &str) -> String {
    if message.contains("Recursion limit") {
        return format!("the condition is nested deeper than {MOST_LEVELS} levels");
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    match message.split(" expecting ").next() {
        Some(message) if !message.contains("Context") => format!("this is not an expression: {message}"),
        _ => "this is not an expression".to_owned(),
    }
}

/// The offset in bytes of a line and a column, both from 1. The crate gives (0, 0) for what has no place.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let (line, column) = (usize::try_from(line).unwrap_or(0), usize::try_from(column).unwrap_or(0));
    let mut lines = source.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(str::len).sum();
    let within = lines.next().unwrap_or_default().chars().take(column.saturating_sub(1));
    before + within.map(char::len_utf8).sum::<usize>()
}

impl Places {
    /// The offset at which the expression begins: the least of its parts'. The crate notes an operator's own place for the
    /// whole of `a && b`.
    pub(super) fn start(&self, expression: &IdedExpr) -> usize {
        let own = self.0.offset_for(expression.id).map(|(start, _)| self.of_name(expression, start as usize));
        let parts = parts(&expression.expr).into_iter().map(|part| self.start(part));
        own.into_iter().chain(parts).min().unwrap_or_default()
    }

    /// The crate notes a call's parenthesis: its name stands before it.
    fn of_name(&self, expression: &IdedExpr, start: usize) -> usize {
        match &expression.expr {
            Expr::Call(call) if call.target.is_none() => {
                let before = self.0.source.get(..start).and_then(|before| before.strip_suffix(call.func_name.as_str()));
                before.map_or(start, str::len)
            }
            _ => start,
        }
    }
}

fn parts(expression: &Expr) -> Vec<&IdedExpr> {
    match expression {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        _ => Vec::new(),
    }
}
