//! Currencies of ISO 4217: those in which a payment can be made, and those in which one may once have been made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Withdrawn codes that had two decimals.
const WITHDRAWN_WITH_CENTS: &[&str] = &[
    "AFA", "ANG", "ATS", "AYM", "AZM", "BGL", "BGN", "CSD", "CUC", "CYP", "DEM", "EEK", "FIM", "FRF", "GHC", "GWP",
    "HRK", "IEP", "LTL", "LVL", "MRO", "MTL", "MZM", "NLG", "ROL", "RUR", "SDD", "SIT", "SKK", "SLL", "SRG", "STD",
    "TMM", "USS", "VEB", "VEF", "YUM", "ZMK", "ZWD", "ZWL", "ZWN", "ZWR",
];
/// Withdrawn codes that had no decimals.
const WITHDRAWN_WITHOUT_CENTS: &[&str] =
    &["ADP", "BEF", "BYB", "BYR", "ESP", "GRD", "ITL", "LUF", "MGF", "PTE", "TPE", "TRL"];

/// An ISO 4217 currency that has a number of decimals. Metals, test codes and "no currency" do not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: &'static str,
    decimals: u8,
}

impl Currency {
    /// Reads the upper-case alphabetic code of something new: a currency that payments are made in today.
    pub fn parse(code: &str) -> Option<Self> {
        Self::parse_payable(code).ok()
    }

    /// The same. The error says what is wrong with the code.
    pub fn parse_payable(code: &str) -> Result<Self, String> {
        let known = iso_currency::Currency::from_code(code).and_then(|known| Self::listed(code).map(|it| (known, it)));
        let Some((known, currency)) = known else {
            return Err("must be an ISO 4217 code in upper case such as USD".to_owned());
        };
        match known.is_superseded() {
            // ISO 4217 lists both: VED is for the books of Venezuela's banks, and payments name VES.
            Some(successor) if code != "VES" => {
                Err(format!("must be a currency in use: {} has replaced {code}", successor.code()))
            }
            _ if known.is_fund() || known.is_special() => {
                Err(format!("must be a currency that payments are made in, which {code} is not"))
            }
            _ => Ok(currency),
        }
    }

    /// A code of the present list of ISO 4217, those of funds among them.
    fn listed(code: &str) -> Option<Self> {
        let currency = iso_currency::Currency::from_code(code)?;
        currency
            .exponent()
            .map(|decimals| Self { code: currency.code(), decimals: u8::try_from(decimals).unwrap_or(0) })
    }

    /// Reads the code of something that exists already: a row of the database, or an object at Corefy. Codes that have been
    /// withdrawn since stay readable, because a payment does not cease to exist with its currency.
    pub fn parse_existing(code: &str) -> Option<Self> {
        let withdrawn = |codes: &'static [&str], decimals| {
            codes.iter().find(|known| **known == code).map(|code| Self { code, decimals })
        };
        withdrawn(WITHDRAWN_WITH_CENTS, 2)
            .or_else(|| withdrawn(WITHDRAWN_WITHOUT_CENTS, 0))
            .or_else(|| Self::listed(code))
    }

    /// The alphabetic code, upper case.
    pub fn code(self) -> &'static str {
        self.code
    }

    /// Decimals: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u32 {
        self.decimals.into()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

/// Reads what was serialized when it was stored.
impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse_existing(&code).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_without_decimals_of_their_own_are_no_currencies() {
        for code in ["XXX", "XTS", "XAU", "usd", "US", "ABC", ""] {
            assert!(Currency::parse(code).is_none(), "{code}");
            assert!(Currency::parse_existing(code).is_none(), "{code}");
        }
    }

    #[test]
    fn withdrawn_codes_stay_readable_with_their_decimals() {
        for (code, decimals) in [("HRK", 2), ("BGN", 2), ("ZWL", 2), ("DEM", 2), ("LTL", 2), ("BYR", 0), ("ITL", 0)] {
            let currency = Currency::parse_existing(code).unwrap();
            assert_eq!((currency.code(), currency.decimals()), (code, decimals));
            let stored = serde_json::to_string(&currency).unwrap();
            assert_eq!(serde_json::from_str::<Currency>(&stored).unwrap(), currency);
        }
    }

    #[test]
    fn what_can_be_paid_in_can_be_read() {
        for code in ["USD", "JPY", "KWD", "CLF", "HRK"] {
            let currency = Currency::parse(code);
            assert!(currency.is_none() || currency == Currency::parse_existing(code), "{code}");
        }
    }

    #[test]
    fn payments_are_made_in_currencies_in_use() {
        for code in ["USD", "EUR", "VES", "VED", "SLE", "XCG", "ZWG", "XOF", "XAF", "XPF", "XCD", "CUP", "KWD", "CLP"] {
            assert_eq!(Currency::parse_payable(code).map(Currency::code), Ok(code));
        }
        for (code, successor) in [("HRK", "EUR"), ("BGN", "EUR"), ("ZWL", "ZWG"), ("CUC", "CUP"), ("SLL", "SLE")] {
            let problem = format!("must be a currency in use: {successor} has replaced {code}");
            assert_eq!(Currency::parse_payable(code), Err(problem));
            assert!(Currency::parse_existing(code).is_some(), "{code} is still read");
        }
        for code in ["CHE", "CHW", "COU", "USN", "UYI", "UYW", "BOV", "CLF", "MXV", "XAD"] {
            let problem = format!("must be a currency that payments are made in, which {code} is not");
            assert_eq!(Currency::parse_payable(code), Err(problem));
            assert!(Currency::parse_existing(code).is_some(), "{code} is still read");
        }
        let form = "must be an ISO 4217 code in upper case such as USD";
        for code in
            ["XXX", "XTS", "XAU", "XDR", "XSU", "XUA", "usd", "ANG", "MRO", "STD", "LTL", "ZMK", "BYR", "CNH", ""]
        {
            assert_eq!(Currency::parse_payable(code), Err(form.to_owned()), "{code}");
        }
    }
}
