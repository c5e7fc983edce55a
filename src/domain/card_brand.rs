//! The brand of a card by the first digits of its number, and how many digits its numbers have.
//!
//! Schemes share leading digits, so the longest range that fits decides. Of a card with two brands it is the one that owns the
//! range: a Visa that is also a Dankort is a Visa.

/// A brand: its word, and the numbers of its cards.
struct Brand {
    word: &'static str,
    /// How many digits a number has.
    lengths: &'static [u8],
    /// First and last leading digits, both of the same length and neither with a zero in front.
    ranges: &'static [(u32, u32)],
}

/// The word for a card whose brand is not in the table.
pub const UNKNOWN: &str = "unknown";

/// Sources: ISO/IEC 7812 gives the leading digit; the ranges are those that each scheme publishes for its acquirers, as of 2026.
const BRANDS: [Brand; 16] = [
    // American Express, "Merchant Regulations": 34 and 37, 15 digits.
    Brand { word: "amex", lengths: &[15], ranges: &[(34, 34), (37, 37)] },
    // Dankort (Nets): 5019. 4571 is Visa/Dankort, a range of Visa.
    Brand { word: "dankort", lengths: &[16], ranges: &[(5019, 5019)] },
    // Diners Club International (Discover Network, "IIN ranges"): 300 to 305, 3095, 36, 38 and 39.
    Brand {
        word: "diners",
        lengths: &[14, 15, 16, 17, 18, 19],
        ranges: &[(300, 305), (3095, 3095), (36, 36), (38, 39)],
    },
    // Discover Network, "IIN ranges": 6011, 644 to 649, 65.
    Brand { word: "discover", lengths: &[16, 17, 18, 19], ranges: &[(6011, 6011), (644, 649), (65, 65)] },
    // Elo (Brazil), its table of BINs for acquirers; the same as in Braintree's credit-card-type.
    Brand {
        word: "elo",
        lengths: &[16],
        ranges: &[
            (401_178, 401_179),
            (431_274, 431_274),
            (438_935, 438_935),
            (451_416, 451_416),
            (457_393, 457_393),
            (457_631, 457_632),
            (504_175, 504_175),
            (506_699, 506_778),
            (509_000, 509_999),
            (627_780, 627_780),
            (636_297, 636_297),
            (636_368, 636_368),
            (650_031, 650_033),
            (650_035, 650_051),
            (650_405, 650_439),
            (650_485, 650_538),
            (650_541, 650_598),
            (650_700, 650_718),
            (650_720, 650_727),
            (650_901, 650_978),
            (651_652, 651_679),
            (655_000, 655_019),
            (655_021, 655_058),
        ],
    },
    // Hipercard (Brazil), the same source.
    Brand {
        word: "hipercard",
        lengths: &[13, 16, 19],
        ranges: &[
            (606_282, 606_282),
            (637_095, 637_095),
            (637_568, 637_568),
            (637_599, 637_599),
            (637_609, 637_609),
            (637_612, 637_612),
        ],
    },
    // JCB: 3528 to 3589; the older ones by the alliance with Discover Network, "IIN ranges".
    Brand {
        word: "jcb",
        lengths: &[16, 17, 18, 19],
        ranges: &[(3528, 3589), (3088, 3094), (3096, 3102), (3112, 3120), (3158, 3159), (3337, 3349)],
    },
    // Maestro (Mastercard, "Account ranges"): 50 and 56 to 58, of 6 those that no other scheme has: 6304, 639 and 67.
    Brand {
        word: "maestro",
        lengths: &[12, 13, 14, 15, 16, 17, 18, 19],
        ranges: &[(50, 50), (56, 58), (6304, 6304), (639, 639), (67, 67)],
    },
    // Mastercard, "Account ranges": 51 to 55, and since 2017 2221 to 2720.
    Brand { word: "mastercard", lengths: &[16], ranges: &[(51, 55), (2221, 2720)] },
    // Mir (NSPK): 2200 to 2204.
    Brand { word: "mir", lengths: &[16, 17, 18, 19], ranges: &[(2200, 2204)] },
    // Naranja (Argentina): 589562.
    Brand { word: "naranja", lengths: &[16], ranges: &[(589_562, 589_562)] },
    // RuPay (NPCI, "RuPay BIN ranges"); JCB and Discover have what else it shares with them.
    Brand {
        word: "rupay",
        lengths: &[16],
        ranges: &[(508_500, 508_999), (606_985, 607_984), (608_001, 608_500), (652_150, 653_149), (817_200, 820_199)],
    },
    // Troy (BKM, Turkey): 979200 to 979289.
    Brand { word: "troy", lengths: &[16], ranges: &[(979_200, 979_289)] },
    // UnionPay International, "BIN ranges": 62 and 8100 to 8171.
    Brand { word: "unionpay", lengths: &[14, 15, 16, 17, 18, 19], ranges: &[(62, 62), (8100, 8171)] },
    // Verve (Interswitch, Nigeria).
    Brand {
        word: "verve",
        lengths: &[16, 18, 19],
        ranges: &[(506_099, 506_198), (507_865, 507_964), (650_002, 650_027)],
    },
    // Visa, "Core Rules": all of 4. Numbers of 13 digits are no longer issued, but still valid.
    Brand { word: "visa", lengths: &[13, 16, 18, 19], ranges: &[(4, 4)] },
];

/// The brand of a card, in lower case, or [`UNKNOWN`].
pub fn brand(number: &str) -> &'static str {
    find(number).map_or(UNKNOWN, |brand| brand.word)
}

/// Whether the number has as many digits as those of its brand. The error says how many those are, and nothing of the number.
pub fn check_length(number: &str) -> Result<(), String> {
    let Some(brand) = find(number) else { return Ok(()) };
    if brand.lengths.iter().any(|length| usize::from(*length) == number.len()) {
        return Ok(());
    }
    let lengths: Vec<_> = brand.lengths.iter().map(u8::to_string).collect();
    Err(format!("must have as many digits as a card of {} has: {}", brand.word, lengths.join(", ")))
}

/// Whether the number is in a range of a brand in the table and has as many digits as its numbers have.
pub fn is_of_known_brand(number: &str) -> bool {
    find(number).is_some() && check_length(number).is_ok()
}

/// The brand with the longest range that the number falls into.
fn find(number: &str) -> Option<&'static Brand> {
    let ranges = BRANDS.iter().flat_map(|brand| brand.ranges.iter().map(move |range| (brand, range)));
    let fitting = ranges.filter_map(|(brand, (first, last))| {
        let digits = first.ilog10() as usize + 1;
        let head: u32 = number.get(..digits)?.parse().ok()?;
        (*first..=*last).contains(&head).then_some((digits, brand))
    });
    fitting.max_by_key(|(digits, _)| *digits).map(|(_, brand)| brand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_follow_the_longest_range() {
        for (start, expected) in [
            ("411111", "visa"),
            ("401178", "elo"),
            ("457100", "visa"),
            ("555555", "mastercard"),
            ("222300", "mastercard"),
            ("272000", "mastercard"),
            ("272100", UNKNOWN),
            ("220100", "mir"),
            ("378282", "amex"),
            ("340000", "amex"),
            ("601111", "discover"),
            ("644000", "discover"),
            ("650000", "discover"),
            ("305693", "diners"),
            ("309500", "diners"),
            ("361234", "diners"),
            ("356600", "jcb"),
            ("308800", "jcb"),
            ("333700", "jcb"),
            ("620000", "unionpay"),
            ("810000", "unionpay"),
            ("817199", "unionpay"),
            ("817200", "rupay"),
            ("820199", "rupay"),
            ("508500", "rupay"),
            ("607000", "rupay"),
            ("652150", "rupay"),
            ("506099", "verve"),
            ("507865", "verve"),
            ("650002", "verve"),
            ("509000", "elo"),
            ("636368", "elo"),
            ("650031", "elo"),
            ("589562", "naranja"),
            ("501900", "dankort"),
            ("606282", "hipercard"),
            ("979200", "troy"),
            ("501800", "maestro"),
            ("560000", "maestro"),
            ("630400", "maestro"),
            ("670300", "maestro"),
            ("675900", "maestro"),
            ("676700", "maestro"),
            ("677100", "maestro"),
            ("679900", "maestro"),
            ("603500", UNKNOWN),
            ("999999", UNKNOWN),
            ("100000", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(brand(start), expected, "{start}");
        }
    }

    #[test]
    fn a_number_has_as_many_digits_as_those_of_its_brand() {
        for (start, lengths) in [
            ("37", &[15][..]),
            ("4", &[13, 16, 18, 19]),
            ("5019", &[16]),
            ("51", &[16]),
            ("67", &[12, 13, 14, 15, 16, 17, 18, 19]),
            ("36", &[14, 15, 16, 17, 18, 19]),
            ("9", &[12, 13, 14, 15, 16, 17, 18, 19]),
        ] {
            for length in 12..=19 {
                let number = format!("{start:0<length$}");
                assert_eq!(check_length(&number).is_ok(), lengths.contains(&length), "{start} {length}");
            }
        }
        assert_eq!(
            check_length("3700000000000000"),
            Err("must have as many digits as a card of amex has: 15".to_owned())
        );
    }

    #[test]
    fn ranges_are_well_formed_and_no_two_brands_have_the_same() {
        let all: Vec<_> =
            BRANDS.iter().flat_map(|brand| brand.ranges.iter().map(|range| (brand.word, *range))).collect();
        for (word, (first, last)) in &all {
            assert!(first <= last && first.ilog10() == last.ilog10(), "{word} {first}");
            let same = |(other, (from, to)): &&(&str, (u32, u32))| {
                other != word && from.ilog10() == first.ilog10() && from <= last && first <= to
            };
            assert_eq!(all.iter().find(same), None, "{word} {first}");
        }
    }
}
