//! Texts that people compare: two that look alike must be the same.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

/// Whether the character does not show, though it is no control character and no space: of no width, a mark of direction, a
/// filler or a selector.
pub fn is_invisible(character: char) -> bool {
    /// Braille without a dot, which Unicode counts as a symbol.
    const BLANK: char = '\u{2800}';
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) || character == BLANK
}

/// Whether a text is its own only spelling: references that look alike would pass as different ones, and what one program
/// between us trims or composes would come back as another. The error says what the text must be.
pub fn check_unmistakable(text: &str) -> Result<(), String> {
    let is_edge = |character: Option<char>| character.is_some_and(char::is_whitespace);
    let refuse = |is_wrong: bool, problem: &str| if is_wrong { Err(problem.to_owned()) } else { Ok(()) };
    refuse(is_edge(text.chars().next()) || is_edge(text.chars().last()), "must not begin or end with a space")?;
    let is_odd_space = |c: char| c != ' ' && c.is_whitespace();
    refuse(
        text.contains(|c: char| is_invisible(c) || is_odd_space(c)),
        "must not contain invisible characters, or spaces other than U+0020",
    )?;
    let is_composed = ComposingNormalizerBorrowed::new_nfc().is_normalized(text);
    refuse(!is_composed, "must be in Unicode's composed form (NFC)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_one_spelling() {
        for text in ["", "order 7", "Größe/7", "注文-7", "заказ 7", "a  b", "😀", "٣"] {
            assert_eq!(check_unmistakable(text), Ok(()), "{text:?}");
        }
        let edge = Err("must not begin or end with a space".to_owned());
        for text in [" ", "  ", "order ", " order", "\u{a0}order", "order\u{3000}"] {
            assert_eq!(check_unmistakable(text), edge, "{text:?}");
        }
        let odd = Err("must not contain invisible characters, or spaces other than U+0020".to_owned());
        for text in [
            "\u{200b}",
            "or\u{200b}der",
            "order\u{200d}",
            "\u{feff}order",
            "or\u{2060}der",
            "or\u{ad}der",
            "\u{202e}redro",
            "order\u{200f}",
            "\u{2066}order\u{2069}",
            "or\u{a0}der",
            "or\u{2009}der",
            "\u{3164}",
            "a\u{fe0f}",
            "\u{2800}",
            "\u{e0041}",
            "a\u{34f}b",
        ] {
            assert_eq!(check_unmistakable(text), odd, "{text:?}");
        }
        let composed = Err("must be in Unicode's composed form (NFC)".to_owned());
        for text in ["Gro\u{308}ße", "e\u{301}", "\u{212b}", "\u{1100}\u{1161}"] {
            assert_eq!(check_unmistakable(text), composed, "{text:?}");
        }
    }
}
