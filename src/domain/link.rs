//! Links that payers are sent back by: read as browsers read them, and handed on in the one form that everybody reads alike.

use url::Url;

use super::plain_text::is_invisible;

/// The longest link, in characters, as it is given and as it is handed on.
pub const MAX_LINK: usize = 2048;
/// Schemes that are no app's: browsers or telephones act on them, or read something else than a link in them.
const NO_APP: [&str; 24] = [
    "about",
    "blob",
    "chrome",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "http",
    "https",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "moz-extension",
    "resource",
    "sms",
    "ssh",
    "tel",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Reads the scheme of an app, such as `myapp` or `com.shop.app` (RFC 3986, in lower case).
pub fn parse_app_scheme(text: &str) -> Option<String> {
    let is_first = |c: u8| c.is_ascii_lowercase();
    let is_other = |c: u8| is_first(c) || c.is_ascii_digit() || b"+-.".contains(&c);
    let fits = text.bytes().next().is_some_and(is_first) && text.bytes().all(is_other);
    (fits && !NO_APP.contains(&text)).then(|| text.to_owned())
}

/// The ASCII form of an http or https link, or of one to an app of `app_schemes`. The error says what it must be.
///
/// Names of hosts are lower case and in Punycode then, other letters than those of ASCII are percent-encoded, and the port that
/// a scheme has anyway is left out. What one program reads so and another otherwise is refused: a backslash, missing slashes, a
/// user before the host, and characters that do not show.
pub fn normalize(value: &str, app_schemes: &[String]) -> Result<String, String> {
    let form = || match app_schemes {
        [] => "must be an http or https URL".to_owned(),
        schemes => format!("must be an http or https URL, or one of {}", schemes.join(", ")),
    };
    if value.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control() || is_invisible(c)) {
        return Err(format!("{}, without spaces, backslashes and invisible characters", form()));
    }
    let url = Url::parse(value).map_err(|_| form())?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_known = is_web || app_schemes.iter().any(|scheme| scheme == url.scheme());
    // The scheme was read without regard to case, and is as long as it was written.
    let rest = value.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    if !is_known || rest.is_none_or(|rest| rest.is_empty() || (is_web && rest.starts_with('/'))) {
        return Err(form());
    }
    if !url.username().is_empty() || url.password().is_some() || rest.is_some_and(has_user) {
        return Err(format!("{}, without a user or password", form()));
    }
    let link = String::from(url);
    if link.len() > MAX_LINK || value.chars().count() > MAX_LINK {
        return Err(format!("must have at most {MAX_LINK} characters, also when percent-encoded"));
    }
    Ok(link)
}

/// Whether what follows `://` names a user, be it an empty one: `@host`.
fn has_user(rest: &str) -> bool {
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<String, String> {
        normalize(value, &["myapp".to_owned(), "com.shop.app".to_owned()])
    }

    #[test]
    fn links_are_handed_on_in_the_form_that_everybody_reads_alike() {
        for (given, handed_on) in [
            ("https://shop.example/a?b=c#d", "https://shop.example/a?b=c#d"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
            ("HTTPS://Shop.Example:443/A", "https://shop.example/A"),
            ("https://käse.example/größe?ä=ö", "https://xn--kse-qla.example/gr%C3%B6%C3%9Fe?%C3%A4=%C3%B6"),
            ("https://shop.example/mail@home?to=a@b", "https://shop.example/mail@home?to=a@b"),
            ("https://0x7f.1/", "https://127.0.0.1/"),
            ("myapp://paid?order=7", "myapp://paid?order=7"),
            ("MyApp:///paid", "myapp:///paid"),
            ("com.shop.app://paid/größe", "com.shop.app://paid/gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(of(given), Ok(handed_on.to_owned()), "{given}");
        }
    }

    #[test]
    fn what_programs_read_differently_is_refused() {
        for given in [
            "https:shop.example",
            "https:/shop.example",
            "https:///shop.example",
            "https:\\\\shop.example",
            "https://shop.example\\@evil.example",
            "https://shop.example@evil.example",
            "https://u:p@shop.example",
            "https://@shop.example",
            "https://:@shop.example",
            "myapp://user@paid",
            "https://shop.example/\u{202e}gpj",
            "https://shop\u{200b}.example",
            "https://shop\u{ad}.example",
            "https://shop.example/\t",
            " https://shop.example",
            "https://shop.example/\n",
            "https://a b.example",
            "https://shop.example/a\u{a0}b",
            "https://",
            "https://?a",
            "//shop.example",
            "shop.example",
            "/paid",
            "ftp://shop.example",
            "javascript:alert(1)",
            "javascript://%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "myapp:paid",
            "myapp://",
            "otherapp://paid",
            "https://xn--a.example",
            "https://256.256.256.256/",
            "https://shop.example:99999",
        ] {
            assert!(of(given).is_err(), "{given}");
        }
        assert_eq!(normalize("myapp://paid", &[]), Err("must be an http or https URL".to_owned()));
        assert_eq!(of("nowhere"), Err("must be an http or https URL, or one of myapp, com.shop.app".to_owned()));
    }

    #[test]
    fn a_link_is_bounded_as_it_is_given_and_as_it_is_handed_on() {
        let start = "https://e.example/";
        assert!(of(&format!("{start}{}", "u".repeat(MAX_LINK - start.len()))).is_ok());
        assert!(of(&format!("{start}{}", "u".repeat(MAX_LINK + 1 - start.len()))).is_err());
        assert!(of(&format!("{start}{}", "ü".repeat((MAX_LINK - start.len()) / 6))).is_ok());
        assert!(of(&format!("{start}{}", "ü".repeat(MAX_LINK / 2))).is_err());
    }

    #[test]
    fn schemes_of_apps_are_none_that_browsers_act_on() {
        for scheme in ["myapp", "com.shop.app", "shop+1", "a-b"] {
            assert_eq!(parse_app_scheme(scheme).as_deref(), Some(scheme));
        }
        for text in [
            "",
            "MyApp",
            "1app",
            "my app",
            "myapp:",
            "myapp://",
            "käse",
            "javascript",
            "data",
            "file",
            "https",
            "intent",
        ] {
            assert_eq!(parse_app_scheme(text), None, "{text}");
        }
    }
}
