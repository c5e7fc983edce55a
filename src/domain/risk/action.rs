//! Actions that a rule can take on an attempt, and whether it takes them.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in rule files, rows and metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads the word that [`Self::as_str`] writes.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }
    };
}

pub(in crate::domain) use words;

words! {
    /// The result of a decision, from the mildest to the strictest.
    Action {
        /// The attempt goes on.
        Allow => "allow",
        /// The attempt goes on and is flagged for a person to look at.
        Review => "review",
        /// The payer has to be authenticated.
        Request3ds => "request_3ds",
        /// Nothing is sent; the payer gets a decline.
        Block => "block",
    }
}

words! {
    /// Whether a rule counts.
    Mode {
        /// It decides.
        Live => "live",
        /// It is evaluated and recorded, and changes no outcome.
        Shadow => "shadow",
    }
}
