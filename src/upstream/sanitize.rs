//! Text that comes from Corefy, made fit to be kept and shown: bounded, of one line, without card numbers.

use std::ops::Range;

use crate::domain::card_number;

/// The longest code, in characters.
pub const LONGEST_CODE: usize = 64;

/// The longest sentence, in characters.
pub const LONGEST_SENTENCE: usize = 500;

/// The most digits of a card number.
const MOST_CARD_DIGITS: usize = 19;

/// A sentence: at most [`LONGEST_SENTENCE`] characters, no control characters, card numbers masked.
pub fn sentence(text: &str) -> String {
    bounded(text, LONGEST_SENTENCE)
}

/// At most `longest` characters of `text`, without control characters, card numbers masked.
pub fn bounded(text: &str, longest: usize) -> String {
    // Reads further than what is kept, so that no card number is cut before it is seen.
    let read: String = text.chars().take(longest + 2 * MOST_CARD_DIGITS).map(space_for_control).collect();
    mask_card_numbers(&read).trim().chars().take(longest).collect()
}

/// A code in lower snake case of at most [`LONGEST_CODE`] characters; empty when there is nothing to make one of.
pub fn code(text: &str) -> String {
    let mut code = String::new();
    let mut follows_lower = false;
    for letter in bounded(text, LONGEST_CODE).chars() {
        let parts_word = !letter.is_ascii_alphanumeric() || (letter.is_ascii_uppercase() && follows_lower);
        if parts_word && !code.is_empty() && !code.ends_with('_') {
            code.push('_');
        }
        if letter.is_ascii_alphanumeric() {
            code.push(letter.to_ascii_lowercase());
        }
        follows_lower = letter.is_ascii_lowercase();
    }
    code.chars().take(LONGEST_CODE).collect::<String>().trim_end_matches('_').to_owned()
}

/// Replaces all but the last four digits of whatever can be a card number.
pub fn mask_card_numbers(text: &str) -> String {
    let mut masked = text.to_owned().into_bytes();
    card_number::places(text).for_each(|number| mask(&mut masked, number));
    String::from_utf8(masked).expect("digits were replaced by stars, byte for byte")
}

fn mask(text: &mut [u8], number: Range<usize>) {
    let digits = text[number].iter_mut().rev().filter(|byte| byte.is_ascii_digit() || **byte == b'*');
    digits.skip(4).for_each(|digit| *digit = b'*');
}

fn space_for_control(letter: char) -> char {
    if letter.is_control() { ' ' } else { letter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_masked_however_they_are_written() {
        let cases = [
            ("card 4111111111111111 declined", "card ************1111 declined"),
            ("4111 1111 1111 1111", "**** **** **** 1111"),
            ("4111-1111-1111-1111.", "****-****-****-1111."),
            ("try 2 of 12 4111 1111 1111 1111 12/30", "try 2 of 12 **** **** **** 1111 12/30"),
            ("pan=378282246310005;", "pan=***********0005;"),
            ("№4111111111111111é", "№************1111é"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask_card_numbers(text), expected);
        }
    }

    #[test]
    fn what_is_no_card_number_is_left_alone() {
        for text in ["", "4111111111111112", "order 12345", "41111111111111111111111", "4111 / 1111 1111 1111", "é１２"]
        {
            assert_eq!(mask_card_numbers(text), text);
        }
    }

    #[test]
    fn a_card_number_at_the_end_is_masked_before_it_is_cut() {
        let text = format!("{}4111111111111111", "x".repeat(LONGEST_SENTENCE - 8));
        let kept = sentence(&text);
        assert_eq!(kept.chars().count(), LONGEST_SENTENCE);
        assert!(kept.ends_with("x********"), "{kept}");
    }

    #[test]
    fn codes_are_lower_snake_case() {
        let cases = [
            ("insufficient_funds", "insufficient_funds"),
            ("InsufficientFunds", "insufficient_funds"),
            ("card.declined!", "card_declined"),
            ("  3DS Failed ", "3ds_failed"),
            ("…", ""),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected);
        }
        assert_eq!(code(&"ab ".repeat(100)).len(), LONGEST_CODE);
    }

    #[test]
    fn a_sentence_has_one_line() {
        assert_eq!(sentence(" Not\nallowed\u{7}. "), "Not allowed .");
    }
}
