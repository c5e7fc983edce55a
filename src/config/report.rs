//! Reads settings one by one and collects the invalid ones, so that all can be reported at once.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The invalid settings: for each the variable's name and what it should be. Never a secret's value.
#[derive(Debug)]
pub struct SettingsProblems(Vec<String>);

impl SettingsProblems {
    /// The problems, one by one.
    pub fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::error::Error for SettingsProblems {}

impl fmt::Display for SettingsProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.len() == 1 { "a setting is wrong:" } else { "some settings are wrong:" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Takes in settings. Each reader answers `None` when the setting is wrong, and notes why.
#[derive(Default)]
pub(super) struct SettingsReport(Vec<String>);

impl SettingsReport {
    /// Notes what is wrong with `variable`.
    pub fn wrong<T>(&mut self, variable: &str, problem: impl fmt::Display) -> Option<T> {
        self.0.push(format!("{variable}: {problem}"));
        None
    }

    /// Reads an open value by `parse`; when that fails, `expected` says what it should be.
    pub fn value<T>(
        &mut self,
        variable: &str,
        text: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        parse(text.trim()).or_else(|| self.wrong(variable, format_args!("must be {expected}, is {text:?}")))
    }

    /// Reads a whole number within `range`.
    pub fn whole(&mut self, variable: &str, text: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(variable, text, &expected, |text| text.parse().ok().filter(|number| range.contains(number)))
    }

    /// Reads `true` or `false`, or another pair of words that people write for them, in any case.
    pub fn truth(&mut self, variable: &str, text: &str) -> Option<bool> {
        self.value(variable, text, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        })
    }

    /// Reads a list that is separated by commas; each entry that is wrong is named.
    pub fn list<T>(
        &mut self,
        variable: &str,
        text: Option<&str>,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let entries = text.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let read: Vec<_> = entries.map(|entry| self.value(variable, entry, expected, &parse)).collect();
        read.into_iter().collect()
    }

    /// Requires a secret of at least `length` characters. `advice` says how to come by one.
    pub fn secret(
        &mut self,
        variable: &str,
        secret: &Option<SecretString>,
        length: usize,
        advice: &str,
    ) -> Option<SecretString> {
        match self.optional_secret(variable, secret, length)? {
            None => self.wrong(variable, format_args!("is missing; {advice}")),
            present => present,
        }
    }

    /// Reads a secret of at least `length` characters: the inner `None` when there is none.
    pub fn optional_secret(
        &mut self,
        variable: &str,
        secret: &Option<SecretString>,
        length: usize,
    ) -> Option<Option<SecretString>> {
        let text = secret.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        if text.is_empty() {
            Some(None)
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            self.wrong(variable, "must have only visible ASCII characters, without spaces")
        } else if text.len() < length {
            self.wrong(variable, format_args!("must have at least {length} characters"))
        } else {
            Some(secret.clone())
        }
    }

    /// The finished configuration, when all settings were right.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, SettingsProblems> {
        made.filter(|_| self.0.is_empty()).ok_or(SettingsProblems(self.0))
    }
}

/// A variable that is set to nothing is as good as one that is not set.
pub(super) fn given(secret: &Option<SecretString>) -> Option<SecretString> {
    secret.clone().filter(|secret| !secret.expose_secret().is_empty())
}
