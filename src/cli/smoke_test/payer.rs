//! Plays the payer on the sandbox's 3-D Secure page.

use std::time::Duration;

/// The form that the payer's browser sends on approval.
const APPROVAL: &str = "decision=approve";
/// How long the page may take to answer.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Approves on the sandbox's page. The error is a sentence.
pub async fn approve(page: &str) -> Result<(), String> {
    // The sandbox is on this machine, whatever proxy the environment names.
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PAGE_TIMEOUT);
    let request = client.build().map_err(|error| error.to_string())?.post(page);
    let form = request.header("content-type", "application/x-www-form-urlencoded").body(APPROVAL);
    match form.send().await {
        // The page sends the browser on to the shop, which is of no interest here.
        Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => Ok(()),
        Ok(answer) => Err(format!("the 3-D Secure page answered {}", answer.status())),
        Err(error) => Err(format!("the 3-D Secure page did not answer: {error}")),
    }
}
