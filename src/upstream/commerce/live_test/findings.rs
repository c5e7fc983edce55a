//! The findings of a live test: of each fact whether Corefy showed it, showed otherwise, or did not show it at all.

use crate::upstream::commerce::facts::{FACTS, Fact};

/// The outcome for a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactVerdict {
    /// Corefy showed it.
    Proved,
    /// Corefy showed otherwise.
    Disproved,
    /// Neither.
    Untested,
}

impl FactVerdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Disproved => "disproved",
            Self::Untested => "untested",
        }
    }
}

/// A fact, and its outcome.
#[derive(Clone, Debug)]
pub struct FactFinding {
    /// The fact.
    pub fact: &'static Fact,
    /// Its outcome.
    pub verdict: FactVerdict,
    /// The ground of the verdict, in a few words without secrets.
    pub why: String,
}

/// The outcome for every fact.
#[derive(Debug)]
pub struct FactFindings(Vec<FactFinding>);

impl FactFindings {
    /// Nothing is tested yet.
    pub fn begin() -> Self {
        let why = "the test did not come to it";
        let untested = |fact| FactFinding { fact, verdict: FactVerdict::Untested, why: why.to_owned() };
        Self(FACTS.iter().map(untested).collect())
    }

    /// Corefy showed this, unless it has shown otherwise before.
    pub fn proved(&mut self, name: &str, why: impl Into<String>) {
        self.set(name, FactVerdict::Proved, why.into());
    }

    /// Corefy showed otherwise.
    pub fn disproved(&mut self, name: &str, why: impl Into<String>) {
        self.set(name, FactVerdict::Disproved, why.into());
    }

    /// There is a reason why this was not tested.
    pub fn untested(&mut self, name: &str, why: impl Into<String>) {
        self.set(name, FactVerdict::Untested, why.into());
    }

    /// Corefy showed this, or otherwise.
    pub fn judge(&mut self, name: &str, shown: Result<String, String>) {
        match shown {
            Ok(why) => self.proved(name, why),
            Err(why) => self.disproved(name, why),
        }
    }

    /// All of them, in the order of [`FACTS`].
    pub fn into_all(self) -> Vec<FactFinding> {
        self.0
    }

    /// One answer that shows otherwise outweighs any number of others.
    fn set(&mut self, name: &str, verdict: FactVerdict, why: String) {
        let found = self.0.iter_mut().find(|finding| finding.fact.name == name);
        debug_assert!(found.is_some(), "no fact is called {name}");
        if let Some(finding) = found.filter(|finding| finding.verdict != FactVerdict::Disproved) {
            (finding.verdict, finding.why) = (verdict, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_disproved_once_stays_so() {
        let mut findings = FactFindings::begin();
        let verdict = |findings: &FactFindings| findings.0.iter().find(|it| it.fact.name == "sale").unwrap().verdict;
        assert_eq!(verdict(&findings), FactVerdict::Untested);
        findings.judge("sale", Ok("HTTP 201".to_owned()));
        assert_eq!(verdict(&findings), FactVerdict::Proved);
        findings.judge("sale", Err("HTTP 500".to_owned()));
        findings.proved("sale", "HTTP 201");
        assert_eq!(verdict(&findings), FactVerdict::Disproved);
        assert_eq!(findings.into_all().len(), FACTS.len());
    }
}
