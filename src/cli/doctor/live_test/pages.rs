//! Tells the operator of the steps of a live test, and of the pages to act on.

use std::{
    io::Write as _,
    path::{Path, PathBuf, absolute},
};

use owo_colors::OwoColorize as _;

use crate::{
    cli::new_file,
    domain::{
        next_action::{NextAction, Redirect},
        private::Private,
    },
    upstream::commerce::LiveTestNotice,
};

/// Tells of steps and pages; dropped, it removes the file that it wrote.
pub(super) struct Pages {
    page_seconds: u64,
    /// The file with the form of the bank's page, in the working directory.
    form: PathBuf,
}

impl Pages {
    pub fn begin(page_seconds: u64, name: &str) -> Self {
        anstream::println!("\nlive test, in test mode:");
        Self { page_seconds, form: PathBuf::from(format!("{name}.html")) }
    }

    pub fn tell(&self, notice: &LiveTestNotice<'_>) {
        match notice {
            LiveTestNotice::Step(step) => anstream::println!("{}  {step}", "step".dimmed()),
            LiveTestNotice::Page { task, page, card } => {
                let address = match page {
                    NextAction::Redirect(redirect) => self.address(redirect),
                    NextAction::Display(_) => "no page".to_owned(),
                };
                let by = card.map(|number| format!(" by the test card {number}, any later expiry and any CVV"));
                let by = by.unwrap_or_default();
                anstream::println!("{}  {task}{by}, within {} s:\n      {address}", "open".cyan(), self.page_seconds);
            }
        }
    }

    /// An address to open: the page's own, or a file that sends the form to it.
    fn address(&self, redirect: &Redirect) -> String {
        let url = redirect.url.expose();
        if redirect.method == "GET" && redirect.params.is_empty() {
            return url.to_owned();
        }
        match write(&self.form, redirect) {
            Ok(()) => format!("file://{}", absolute(&self.form).unwrap_or_else(|_| self.form.clone()).display()),
            Err(error) => format!("{url}, with a form that could not be written: {error}"),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // There is none where no form was needed.
        drop(std::fs::remove_file(&self.form));
    }
}

/// Writes a page that sends the form when it is opened.
fn write(path: &Path, redirect: &Redirect) -> Result<(), String> {
    let escaped = |text: &Private| html_escape(text.expose());
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><title>To the bank</title><body onload=\"document.forms[0].submit()\">\
         <form method=\"{}\" action=\"{}\">",
        redirect.method,
        escaped(&redirect.url)
    );
    for (name, value) in &redirect.params {
        page += &format!("<input type=hidden name=\"{}\" value=\"{}\">", html_escape(name), escaped(value));
    }
    page += "<button>To the bank</button></form>\n";
    let mut file = new_file::output(path).map_err(|failure| failure.to_string())?;
    file.write_all(page.as_bytes()).and_then(|()| file.flush()).map_err(|error| error.to_string())
}

/// Text made harmless inside a quoted attribute.
fn html_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
