//! Plays the payer on the sandbox's 3-D Secure page.

use std::time::Duration;

use url::form_urlencoded::Serializer;

use crate::pb::Redirect;

/// How long the page may take to answer.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Approves on the sandbox's page. The error is a sentence.
pub async fn approve(redirect: &Redirect) -> Result<(), String> {
    match (redirect.params.get("TermUrl"), redirect.params.get("MD")) {
        // The page of a bank is sent what Corefy gave for it, and sends the browser back with its answer.
        (Some(back), Some(payment)) => {
            send(&redirect.url, redirect.params.iter()).await?;
            send(back, [("MD", payment.as_str()), ("PaRes", "approve")]).await
        }
        _ => send(&redirect.url, [("decision", "approve")]).await,
    }
}

/// Sends a form as the payer's browser does.
async fn send(page: &str, form: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> Result<(), String> {
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    // The sandbox is on this machine, whatever proxy the environment names.
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PAGE_TIMEOUT);
    let request = client.build().map_err(|error| error.to_string())?.post(page);
    match request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await {
        // The page sends the browser on to the shop, which is of no interest here.
        Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => Ok(()),
        Ok(answer) => Err(format!("the 3-D Secure page answered {}", answer.status())),
        Err(error) => Err(format!("the 3-D Secure page did not answer: {error}")),
    }
}
