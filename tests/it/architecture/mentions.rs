//! The paths that stand in a piece of code, those inside macros too.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, ItemUse};

use super::source::Segments;

/// The mentions of a piece of code.
#[derive(Default)]
pub struct Mentions {
    /// Paths of two segments and more.
    pub paths: BTreeSet<Segments>,
    /// The `use` lines in the bodies of functions.
    pub lines: Vec<ItemUse>,
}

type Tokens = std::iter::Peekable<proc_macro2::token_stream::IntoIter>;

impl Mentions {
    /// The mentions in these tokens.
    pub fn of(tokens: TokenStream) -> Self {
        let mut mentions = Self::default();
        mentions.read(tokens);
        mentions
    }

    fn read(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Punct(punct) if punct.as_char() == '#' => skip_tests(&mut tokens),
                TokenTree::Ident(word) if word == "use" && !next_is(&mut tokens, "<") => {
                    let rest = tokens.by_ref().take_while(|token| token.to_string() != ";");
                    let line = TokenStream::from_iter([TokenTree::Ident(word)].into_iter().chain(rest));
                    self.lines.push(syn::parse_str(&format!("{line};")).unwrap());
                }
                TokenTree::Ident(word) => {
                    let path = path_from(word.to_string(), &mut tokens);
                    if path.len() > 1 {
                        self.paths.insert(path);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The rest of a path whose first segment was read.
fn path_from(first: String, tokens: &mut Tokens) -> Segments {
    let mut path = vec![first];
    while next_is(tokens, ":") {
        let mut ahead = tokens.clone();
        let has_colons = ahead.by_ref().take(2).all(|token| token.to_string() == ":");
        let Some(TokenTree::Ident(next)) = ahead.next().filter(|_| has_colons) else { break };
        path.push(next.to_string());
        *tokens = ahead;
    }
    path
}

/// Leaves out what an attribute that was begun gives to the tests.
fn skip_tests(tokens: &mut Tokens) {
    let Some(TokenTree::Group(attribute)) = tokens.peek() else { return };
    if is_test_attribute(&attribute.stream()) {
        let is_end = |token: &TokenTree| match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            token => token.to_string() == ";",
        };
        tokens.by_ref().find(is_end);
    }
}

/// Whether the item is compiled for tests only.
pub fn is_for_tests(item: &Item) -> bool {
    let mut tokens = item.to_token_stream().into_iter().peekable();
    while next_is(&mut tokens, "#") {
        tokens.next();
        match tokens.next() {
            Some(TokenTree::Group(attribute)) if is_test_attribute(&attribute.stream()) => return true,
            _ => {}
        }
    }
    false
}

fn is_test_attribute(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

fn next_is(tokens: &mut Tokens, text: &str) -> bool {
    tokens.peek().is_some_and(|token| token.to_string() == text)
}
