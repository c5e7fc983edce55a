//! Tests of the settings: from flags, with the environment left out.

use std::{num::NonZeroU32, path::Path, time::Duration};

use clap::{Args, Command, FromArgMatches};
use secrecy::ExposeSecret;
use url::Url;

use super::local::{DevSettings, SandboxSettings};
use super::settings::{AdminSettings, ServeSettings};
use super::*;
use crate::domain::{amount_limits::AmountLimits, money::Currency, retention::Retention};

const MASTER_KEY: &str = "canary-master-0123456789abcdef01";
const REQUIRED: [&str; 4] = [
    "--corefy-api-key=canary-api",
    "--corefy-secret-key=canary-secret-456789",
    "--corefy-client-key=canary-cli",
    "--gateway-master-key=canary-master-0123456789abcdef01",
];

fn settings<S: Args + FromArgMatches>(flags: &[&str]) -> S {
    let command = S::augment_args(Command::new("test").no_binary_name(true)).mut_args(|arg| arg.env(None::<&str>));
    S::from_arg_matches(&command.get_matches_from(flags)).unwrap()
}

fn read(flags: &[&str]) -> Result<Config, String> {
    settings::<ServeSettings>(flags).read().map_err(|problems| problems.to_string())
}

fn read_with(flags: &[&str]) -> Result<Config, String> {
    read(&[&REQUIRED, flags].concat())
}

fn assert_refused(flag: &str, problem: &str) {
    assert_eq!(read_with(&[flag]).unwrap_err(), format!("a setting is wrong:\n  {problem}"), "{flag}");
}

#[test]
fn what_is_not_given_has_its_default() {
    let config = read(&REQUIRED).unwrap();
    assert!(matches!(config.upstream.api, UpstreamApi::Intents { .. }));
    assert_eq!(config.upstream.base_url.as_str(), "https://api.corefy.com/");
    assert!(config.upstream.webhook_secret.is_none() && config.upstream.webhook_secret_previous.is_none());
    assert_eq!(config.upstream.timeout, Duration::from_secs(30));
    assert_eq!(config.upstream.retry_count, 3);
    assert_eq!(config.upstream.rate_limit_per_minute.get(), 600);
    assert!(!config.upstream.sandbox_mode);
    assert_eq!(config.database.url.expose_secret(), "sqlite://corefy-gateway.db");
    assert_eq!(config.database.connections, 32);
    assert_eq!(config.grpc_addr, "127.0.0.1:50051".parse().unwrap());
    assert_eq!(config.http_addr, "127.0.0.1:8080".parse().unwrap());
    assert!(config.tls.is_none() && config.web_origins.is_empty());
    assert_eq!(config.max_connections, 1000);
    assert_eq!(config.key_rate_per_minute, NonZeroU32::new(6000));
    assert!(config.currencies.is_empty() && config.webhook_allow.is_empty());
    assert_eq!(config.streams_per_key, NonZeroU32::new(100));
    assert!(config.return_url_schemes.is_empty() && config.raw_cards);
    assert_eq!(config.amount_limits, AmountLimits::default());
    assert_eq!(config.retention, Retention::default());
    assert_eq!(config.drain, Duration::from_secs(30));
    assert_eq!(config.log, LogConfig { filter: "info".to_owned(), format: LogFormat::Text });
    assert_eq!(config.traces, None);
}

#[test]
fn what_is_given_is_taken() {
    let config = read_with(&[
        "--corefy-base-url=http://127.0.0.1:9000",
        "--corefy-webhook-secret=new-secret",
        "--corefy-webhook-secret-previous=old-secret",
        "--corefy-timeout-seconds=300",
        "--corefy-retry-count=0",
        "--corefy-rate-limit-per-minute=1000000",
        "--corefy-sandbox-mode",
        "--database-url=postgres://u:p@host/name",
        "--gateway-database-connections=1",
        "--gateway-grpc-addr=0.0.0.0:1",
        "--gateway-http-addr=[::]:2",
        "--gateway-insecure=True",
        "--gateway-tls-cert=cert.pem",
        "--gateway-tls-key=key.pem",
        "--gateway-tls-client-ca=clients.pem",
        "--gateway-max-connections=1",
        "--gateway-trusted-proxies=10.0.0.0/8",
        "--gateway-proxy-protocol=grpc, http",
        "--gateway-key-rate-per-minute=0",
        "--gateway-web-origins=https://shop.example,http://localhost:3000",
        "--gateway-currencies=USD, JPY,",
        "--gateway-key-streams=0",
        "--gateway-amount-limits=USD:5000, VND:50000000000",
        "--gateway-return-url-schemes=myapp,com.shop.app",
        "--gateway-webhook-allow-cidrs=203.0.113.0/24,2001:db8::1",
        "--gateway-api-call-retention-days=1",
        "--gateway-drain-seconds=0",
        "--gateway-log=warn,corefy_gateway=debug",
        "--gateway-log-format=json",
        "--otel-exporter-otlp-endpoint=https://collector.example:4317",
        "--otel-service-name=payments",
    ])
    .unwrap();
    assert_eq!(config.upstream.base_url.as_str(), "http://127.0.0.1:9000/");
    assert_eq!(config.upstream.webhook_secret.unwrap().expose_secret(), "new-secret");
    assert_eq!(config.upstream.webhook_secret_previous.unwrap().expose_secret(), "old-secret");
    assert_eq!(config.upstream.timeout, Duration::from_secs(300));
    assert_eq!(config.upstream.retry_count, 0);
    assert_eq!(config.upstream.rate_limit_per_minute.get(), 1_000_000);
    assert!(config.upstream.sandbox_mode);
    assert_eq!(config.database.url.expose_secret(), "postgres://u:p@host/name");
    assert_eq!(config.grpc_addr.to_string(), "0.0.0.0:1");
    assert_eq!(config.http_addr.to_string(), "[::]:2");
    let tls = config.tls.unwrap();
    assert_eq!((tls.certificate.as_path(), tls.key.as_path()), (Path::new("cert.pem"), Path::new("key.pem")));
    assert_eq!(tls.client_ca.as_deref(), Some(Path::new("clients.pem")));
    assert_eq!((config.max_connections, config.key_rate_per_minute), (1, None));
    assert_eq!(format!("{:?}", config.trusted_proxies), "[10.0.0.0/8]");
    assert_eq!(config.proxy_protocol, [ProxiedPort::Grpc, ProxiedPort::Http]);
    assert_eq!(config.web_origins, ["https://shop.example", "http://localhost:3000"]);
    assert_eq!(format!("{:?}", config.currencies), "[USD, JPY]");
    assert_eq!(config.streams_per_key, None);
    let limits = ["USD", "VND", "EUR"].map(|code| config.amount_limits.of(Currency::parse(code).unwrap()).to_string());
    assert_eq!(limits, ["5000.00", "50000000000", "1000000.00"]);
    assert_eq!(config.return_url_schemes, ["myapp", "com.shop.app"]);
    assert_eq!(format!("{:?}", config.webhook_allow), "[203.0.113.0/24, 2001:db8::1/128]");
    assert_eq!(config.retention.api_calls, Duration::from_secs(24 * 3600));
    assert_eq!(config.drain, Duration::ZERO);
    assert_eq!(config.log.format, LogFormat::Json);
    let traces = config.traces.unwrap();
    assert_eq!(
        (traces.endpoint.as_str(), traces.service_name.as_str()),
        ("https://collector.example:4317/", "payments")
    );
}

#[test]
fn sandbox_mode_goes_to_the_sandbox_unless_told_otherwise() {
    let url = |flags| read_with(flags).unwrap().upstream.base_url.to_string();
    assert_eq!(url(&["--corefy-sandbox-mode"]), "https://api.sandbox.corefy.com/");
    assert_eq!(url(&["--corefy-sandbox-mode", "--corefy-base-url=https://example.com"]), "https://example.com/");
    assert_eq!(url(&["--corefy-base-url="]), "https://api.corefy.com/");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let problems = read(&["--corefy-secret-key=short", "--corefy-timeout-seconds=abc", "--gateway-grpc-addr=here"]);
    insta::assert_snapshot!(problems.unwrap_err(), @r#"
    some settings are wrong:
      COREFY_API_KEY: is missing; Corefy's dashboard has it
      COREFY_SECRET_KEY: must have at least 20 characters
      COREFY_CLIENT_KEY: is missing; Corefy's dashboard has it
      COREFY_TIMEOUT_SECONDS: must be a whole number from 1 to 300, is "abc"
      GATEWAY_GRPC_ADDR: must be an address and a port such as 127.0.0.1:50051, is "here"
      GATEWAY_MASTER_KEY: is missing; make one by `openssl rand -hex 32`, and keep it: without it, stored data cannot be read
    "#);
}

#[test]
fn every_rule_names_its_variable_and_what_it_should_be() {
    for (flag, problem) in [
        ("--corefy-api=graphql", "COREFY_API: must be intents or commerce, is \"graphql\""),
        ("--corefy-timeout-seconds=0", "COREFY_TIMEOUT_SECONDS: must be a whole number from 1 to 300, is \"0\""),
        ("--corefy-timeout-seconds=301", "COREFY_TIMEOUT_SECONDS: must be a whole number from 1 to 300, is \"301\""),
        ("--corefy-timeout-seconds=1.5", "COREFY_TIMEOUT_SECONDS: must be a whole number from 1 to 300, is \"1.5\""),
        ("--corefy-timeout-seconds=", "COREFY_TIMEOUT_SECONDS: must be a whole number from 1 to 300, is \"\""),
        ("--corefy-retry-count=11", "COREFY_RETRY_COUNT: must be a whole number from 0 to 10, is \"11\""),
        (
            "--corefy-rate-limit-per-minute=0",
            "COREFY_RATE_LIMIT_PER_MINUTE: must be a whole number from 1 to 1000000, is \"0\"",
        ),
        ("--corefy-sandbox-mode=maybe", "COREFY_SANDBOX_MODE: must be true or false, is \"maybe\""),
        (
            "--corefy-webhook-secret-previous=old",
            "COREFY_WEBHOOK_SECRET_PREVIOUS: must not be set without COREFY_WEBHOOK_SECRET",
        ),
        (
            "--database-url=mysql://host/name",
            "DATABASE_URL: must be sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME",
        ),
        ("--database-url=sqlite://", "DATABASE_URL: must be sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME"),
        (
            "--gateway-database-connections=0",
            "GATEWAY_DATABASE_CONNECTIONS: must be a whole number from 1 to 1000, is \"0\"",
        ),
        (
            "--gateway-http-addr=localhost",
            "GATEWAY_HTTP_ADDR: must be an address and a port such as 127.0.0.1:50051, is \"localhost\"",
        ),
        (
            "--gateway-http-addr=127.0.0.1:50051",
            "GATEWAY_HTTP_ADDR: must be another address or port than GATEWAY_GRPC_ADDR",
        ),
        ("--gateway-tls-cert=cert.pem", "GATEWAY_TLS_KEY: must be set with GATEWAY_TLS_CERT"),
        ("--gateway-tls-key=key.pem", "GATEWAY_TLS_CERT: must be set with GATEWAY_TLS_KEY"),
        (
            "--gateway-tls-client-ca=ca.pem",
            "GATEWAY_TLS_CLIENT_CA: must not be set without GATEWAY_TLS_CERT and GATEWAY_TLS_KEY",
        ),
        ("--gateway-max-connections=0", "GATEWAY_MAX_CONNECTIONS: must be a whole number from 1 to 100000, is \"0\""),
        (
            "--gateway-key-rate-per-minute=many",
            "GATEWAY_KEY_RATE_PER_MINUTE: must be a whole number from 0 to 1000000, is \"many\"",
        ),
        ("--gateway-key-streams=100001", "GATEWAY_KEY_STREAMS: must be a whole number from 0 to 100000, is \"100001\""),
        (
            "--gateway-amount-limits=USD:1000,VND",
            "GATEWAY_AMOUNT_LIMITS: must be limits of at most 12 digits such as USD:1000000, separated by commas, is \"VND\"",
        ),
        (
            "--gateway-amount-limits=HRK:1000",
            "GATEWAY_AMOUNT_LIMITS: must be limits of at most 12 digits such as USD:1000000, separated by commas, is \"HRK:1000\"",
        ),
        (
            "--gateway-amount-limits=JPY:0.5",
            "GATEWAY_AMOUNT_LIMITS: must be limits of at most 12 digits such as USD:1000000, separated by commas, is \"JPY:0.5\"",
        ),
        (
            "--gateway-amount-limits=IDR:1000000000000",
            "GATEWAY_AMOUNT_LIMITS: must be limits of at most 12 digits such as USD:1000000, separated by commas, is \"IDR:1000000000000\"",
        ),
        ("--gateway-amount-limits=USD:10,EUR:10,USD:20", "GATEWAY_AMOUNT_LIMITS: must name USD once"),
        (
            "--gateway-return-url-schemes=myapp,javascript",
            "GATEWAY_RETURN_URL_SCHEMES: must be schemes of apps such as myapp, in lower case and separated by commas, is \"javascript\"",
        ),
        ("--gateway-insecure=2", "GATEWAY_INSECURE: must be true or false, is \"2\""),
        (
            "--gateway-currencies=USD,usd",
            "GATEWAY_CURRENCIES: must be ISO 4217 codes in upper case of currencies in use, separated by commas, is \"usd\"",
        ),
        (
            "--gateway-currencies=EUR,HRK",
            "GATEWAY_CURRENCIES: must be ISO 4217 codes in upper case of currencies in use, separated by commas, is \"HRK\"",
        ),
        (
            "--gateway-proxy-protocol=https",
            "GATEWAY_PROXY_PROTOCOL: must be grpc, http or both, separated by commas, is \"https\"",
        ),
        (
            "--gateway-proxy-protocol=grpc",
            "GATEWAY_PROXY_PROTOCOL: needs GATEWAY_TRUSTED_PROXIES, the networks that speak it",
        ),
        (
            "--gateway-webhook-allow-cidrs=10.0.0.0/99",
            "GATEWAY_WEBHOOK_ALLOW_CIDRS: must be networks such as 203.0.113.0/24, separated by commas, is \"10.0.0.0/99\"",
        ),
        (
            "--gateway-api-call-retention-days=0",
            "GATEWAY_API_CALL_RETENTION_DAYS: must be a whole number from 1 to 3650, is \"0\"",
        ),
        (
            "--gateway-operation-retention-days=29",
            "GATEWAY_OPERATION_RETENTION_DAYS: must be a whole number from 30 to 3650, is \"29\"",
        ),
        (
            "--gateway-webhook-retention-days=6",
            "GATEWAY_WEBHOOK_RETENTION_DAYS: must be a whole number from 7 to 3650, is \"6\"",
        ),
        (
            "--gateway-event-retention-days=29",
            "GATEWAY_EVENT_RETENTION_DAYS: must be a whole number from 30 to 3650, is \"29\"",
        ),
        (
            "--gateway-risk-decision-retention-days=29",
            "GATEWAY_RISK_DECISION_RETENTION_DAYS: must be a whole number from 30 to 3650, is \"29\"",
        ),
        (
            "--gateway-payer-data-retention-days=119",
            "GATEWAY_PAYER_DATA_RETENTION_DAYS: must be a whole number from 120 to 3650, is \"119\"",
        ),
        (
            "--gateway-audit-retention-days=364",
            "GATEWAY_AUDIT_RETENTION_DAYS: must be a whole number from 365 to 3650, is \"364\"",
        ),
        ("--gateway-drain-seconds=601", "GATEWAY_DRAIN_SECONDS: must be a whole number from 0 to 600, is \"601\""),
        ("--gateway-log=a=b=c", "GATEWAY_LOG: must be a filter such as info, is \"a=b=c\""),
        ("--gateway-log-format=xml", "GATEWAY_LOG_FORMAT: must be text or json, is \"xml\""),
        (
            "--otel-exporter-otlp-endpoint=collector:4317",
            "OTEL_EXPORTER_OTLP_ENDPOINT: must be a scheme, a host and a port such as http://127.0.0.1:4317",
        ),
        ("--otel-service-name=", "OTEL_SERVICE_NAME: must be 1 to 100 characters, is \"\""),
    ] {
        assert_refused(flag, problem);
    }
}

#[test]
fn corefy_s_address_is_a_scheme_and_a_host_and_encrypted_unless_on_this_machine() {
    let form = "COREFY_BASE_URL: must be a scheme and a host such as https://api.corefy.com";
    for url in
        ["api.corefy.com", "ftp://corefy.com", "https://corefy.com/v1", "https://u:p@corefy.com", "https://a?b=c"]
    {
        assert_refused(&format!("--corefy-base-url={url}"), form);
    }
    let encrypted = "COREFY_BASE_URL: must begin with https:// unless its host is this machine";
    for url in ["http://api.corefy.com", "http://10.0.0.1", "http://localhost.evil.com"] {
        assert_refused(&format!("--corefy-base-url={url}"), encrypted);
    }
    for url in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
        assert!(read_with(&[&format!("--corefy-base-url={url}")]).is_ok(), "{url}");
    }
}

#[test]
fn rates_begin_with_the_base_currency() {
    let rates = |list: &str| read_with(&[&format!("--gateway-risk-rates={list}")]).map(|config| config.risk.rates);
    let base = |list: &str| rates(list).unwrap().base_currency().map(Currency::code);
    assert_eq!((base("USD=1,EUR=1.08"), base("")), (Some("USD"), None));
    let form = "GATEWAY_RISK_RATES: must be rates such as EUR=1.08, separated by commas, is";
    assert_refused("--gateway-risk-rates=USD=1,EUR", &format!("{form} \"EUR\""));
    assert_refused(
        "--gateway-risk-rates=EUR=1.08,USD=1",
        "GATEWAY_RISK_RATES: must begin with the base currency, as USD=1",
    );
}

#[test]
fn addresses_may_be_known_by_two_files() {
    let config = read_with(&["--gateway-risk-ip-database=country.mmdb, asn.mmdb"]).unwrap();
    assert_eq!(config.risk.ip_databases, [Path::new("country.mmdb"), Path::new("asn.mmdb")]);
    assert_eq!(config.risk.bin_table, None);
}

#[test]
fn an_origin_is_written_as_browsers_write_it() {
    for origin in ["*", "shop.example", "https://shop.example/", "https://Shop.example", "https://shop.example:443"] {
        let form = "must be origins such as https://shop.example, separated by commas";
        assert_refused(
            &format!("--gateway-web-origins={origin}"),
            &format!("GATEWAY_WEB_ORIGINS: {form}, is {origin:?}"),
        );
    }
}

#[test]
fn all_below_a_host_may_be_an_origin() {
    let origins = |list: &str| read_with(&[&format!("--gateway-web-origins={list}")]).map(|config| config.web_origins);
    for origin in ["https://*.shop.example", "http://*.shop.example:8080", "https://*.a.shop.example"] {
        assert_eq!(origins(origin).unwrap(), [origin]);
    }
    for origin in [
        "https://*",
        "https://*.example",
        "https://a*.shop.example",
        "https://shop.*.example",
        "https://*.*.a.example",
        "https://*.10.0.0.1",
        "https://*.shop.example:443",
    ] {
        assert!(origins(origin).is_err(), "{origin}");
    }
}

#[test]
fn a_truth_is_written_as_people_write_it() {
    let mode = |text: &str| {
        let config = read_with(&[&format!("--corefy-sandbox-mode={text}"), "--corefy-base-url=https://a.example"]);
        config.map(|config| config.upstream.sandbox_mode)
    };
    for text in ["true", "TRUE", "1", "yes", "Yes", "on"] {
        assert_eq!(mode(text), Ok(true), "{text}");
    }
    for text in ["false", "0", "no", "NO", "Off"] {
        assert_eq!(mode(text), Ok(false), "{text}");
    }
    assert!(mode("y").is_err() && mode("2").is_err());
}

#[test]
fn a_filter_of_the_log_never_silences_errors_by_a_slip() {
    let filter = |text: &str| read_with(&[&format!("--gateway-log={text}")]).map(|config| config.log.filter);
    for text in ["inf", "loud", "info,loud", "corefy_gateway=dbug", "corefy_gateway", "warn corefy_gateway=debug"] {
        let problem = format!("a setting is wrong:\n  GATEWAY_LOG: must be a filter such as info, is {text:?}");
        assert_eq!(filter(text), Err(problem));
    }
    for (text, taken) in [
        ("", "info"),
        (" ", "info"),
        (",", "info"),
        ("WARN", "WARN"),
        ("off", "off"),
        ("warn, corefy_gateway=debug", "warn,corefy_gateway=debug"),
        ("corefy_gateway=debug", "error,corefy_gateway=debug"),
        ("[call{partner=a}]=debug", "error,[call{partner=a}]=debug"),
    ] {
        assert_eq!(filter(text).as_deref(), Ok(taken), "{text:?}");
    }
}

#[test]
fn a_secret_of_the_webhooks_and_of_the_sandbox_is_as_whole_as_every_other() {
    let unfit = "must have only visible ASCII characters, without spaces";
    for (secret, problem) in [
        ("whsec_test_secret\n", unfit),
        (" whsec_test_secret", unfit),
        ("whsec test secret", unfit),
        ("x", "must have at least 8 characters"),
        ("whsec_t", "must have at least 8 characters"),
    ] {
        assert_refused(&format!("--corefy-webhook-secret={secret}"), &format!("COREFY_WEBHOOK_SECRET: {problem}"));
        let previous = format!("--corefy-webhook-secret-previous={secret}");
        let shown = read_with(&["--corefy-webhook-secret=whsec_test_secret", &previous]).unwrap_err();
        assert_eq!(shown, format!("a setting is wrong:\n  COREFY_WEBHOOK_SECRET_PREVIOUS: {problem}"));
        let of_sandbox = settings::<SandboxSettings>(&[&format!("--corefy-webhook-secret={secret}")]).read();
        assert!(of_sandbox.unwrap_err().to_string().contains(problem));
    }
    assert!(read_with(&["--corefy-webhook-secret="]).unwrap().upstream.webhook_secret.is_none());
    assert_refused("--database-url=postgres://u:p@host/name\n", "DATABASE_URL: must not end with white space");
}

#[test]
fn dev_takes_the_pages_and_apps_that_a_shop_is_written_with() {
    let flags = ["--gateway-web-origins=http://localhost:3000", "--gateway-return-url-schemes=myapp"];
    let dev = settings::<DevSettings>(&flags).read().unwrap();
    let gateway = dev.gateway(Url::parse("http://127.0.0.1:8090/").unwrap());
    assert_eq!(gateway.web_origins, ["http://localhost:3000"]);
    assert_eq!(gateway.return_url_schemes, ["myapp"]);
}

#[test]
fn dev_and_its_sandbox_listen_beyond_this_machine_only_by_consent() {
    for flag in ["--gateway-grpc-addr=0.0.0.0:1", "--gateway-http-addr=[::]:1", "--gateway-sandbox-addr=192.168.0.1:1"]
    {
        let problem = settings::<DevSettings>(&[flag]).read().unwrap_err().to_string();
        assert!(problem.contains("GATEWAY_DEV_REMOTE=true"), "{problem}");
        assert!(settings::<DevSettings>(&[flag, "--gateway-dev-remote"]).read().is_ok(), "{flag}");
    }
    let open = "--gateway-sandbox-addr=0.0.0.0:1";
    assert!(settings::<SandboxSettings>(&[open]).read().is_err());
    assert!(settings::<SandboxSettings>(&[open, "--gateway-dev-remote"]).read().is_ok());
    let public = settings::<SandboxSettings>(&["--gateway-sandbox-public-url=ftp://host"]).read().unwrap_err();
    assert!(public.to_string().contains("GATEWAY_SANDBOX_PUBLIC_URL: must be an http or https URL"), "{public}");
}

#[test]
fn dev_begins_anew_unless_it_is_told_to_keep_what_it_knows() {
    let keeps = |flags: &[&str]| settings::<DevSettings>(flags).read().map(|dev| dev.keep);
    assert!(!keeps(&[]).unwrap() && keeps(&["--gateway-dev-keep"]).unwrap());
    assert!(!keeps(&["--gateway-dev-keep=false"]).unwrap() && keeps(&["--gateway-dev-keep=sometimes"]).is_err());
}

#[test]
fn the_key_that_dev_is_given_is_a_whole_one_and_never_shown() {
    let key =
        "pk_acme_0123456789abcdefe1d22e49:sk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef65a14590";
    let given = |key: &str| settings::<DevSettings>(&[&format!("--gateway-dev-api-key={key}")]).read();
    assert!(given(key).unwrap().api_key.is_some());
    assert!(given("").unwrap().api_key.is_none());
    for cut in [&key[..key.len() - 1], "pk_acme_0123456789abcdefe1d22e49"] {
        let problem = given(cut).unwrap_err().to_string();
        assert!(problem.contains("GATEWAY_DEV_API_KEY: must be a whole key") && !problem.contains(cut), "{problem}");
    }
}

#[test]
fn the_settings_that_dev_hands_to_other_commands_survive_a_shell() {
    let dev = settings::<DevSettings>(&["--gateway-dev-dir=/tmp/a shop's"]).read().unwrap();
    let gateway = dev.gateway(Url::parse("http://127.0.0.1:8090/").unwrap());
    let lines = dev.environment(&gateway).unwrap();
    assert!(
        lines
            .expose_secret()
            .starts_with(r"export DATABASE_URL='sqlite:///tmp/a shop'\''s/gateway.db' GATEWAY_MASTER_KEY='")
    );
}

#[test]
fn an_address_that_others_can_reach_needs_a_certificate_or_consent() {
    for flag in ["--gateway-grpc-addr=0.0.0.0:1", "--gateway-http-addr=[::]:1", "--gateway-http-addr=192.168.0.1:1"] {
        let problem = read_with(&[flag]).unwrap_err();
        assert!(problem.contains("GATEWAY_INSECURE=true"), "{problem}");
        assert!(problem.contains("GATEWAY_TLS_CERT"), "{problem}");
        assert!(read_with(&[flag, "--gateway-insecure"]).is_ok());
        assert!(read_with(&[flag, "--gateway-tls-cert=c", "--gateway-tls-key=k"]).is_ok());
        assert!(read_with(&[flag, "--gateway-tls-cert=", "--gateway-tls-key="]).is_err());
    }
}

#[test]
fn secrets_have_their_length_and_form() {
    for (variable, length) in
        [("COREFY_API_KEY", 10), ("COREFY_SECRET_KEY", 20), ("COREFY_CLIENT_KEY", 10), ("GATEWAY_MASTER_KEY", 32)]
    {
        let flag = format!("--{}", variable.to_lowercase().replace('_', "-"));
        let problem = |value: &str| {
            let others = REQUIRED.iter().copied().filter(|other| !other.starts_with(&flag));
            let changed = format!("{flag}={value}");
            read(&others.chain([changed.as_str()]).collect::<Vec<_>>()).err().unwrap_or_default()
        };
        let short = format!("a setting is wrong:\n  {variable}: must have at least {length} characters");
        assert_eq!(problem(&"k".repeat(length - 1)), short);
        assert_eq!(problem(&"k".repeat(length)), "");
        assert!(problem("").starts_with(&format!("a setting is wrong:\n  {variable}: is missing; ")));
        let unfit =
            format!("a setting is wrong:\n  {variable}: must have only visible ASCII characters, without spaces");
        assert_eq!(problem(&format!("{}\n", "k".repeat(length))), unfit);
    }
}

#[test]
fn keys_needs_only_the_database_and_the_master_key() {
    let config = settings::<AdminSettings>(&["--gateway-master-key", MASTER_KEY]).read().unwrap();
    assert_eq!(config.master_keys.current.text().expose_secret(), MASTER_KEY);
    assert_eq!(config.database.url.expose_secret(), "sqlite://corefy-gateway.db");
    assert!(settings::<AdminSettings>(&[]).read().unwrap_err().to_string().contains("GATEWAY_MASTER_KEY: is missing"));
}

#[test]
fn no_secret_is_printed() {
    let secrets = ["--corefy-webhook-secret=canary-hook", "--database-url=postgres://u:canary@host/name"];
    let flags = [&REQUIRED[..], &secrets].concat();
    let shown = format!("{:?} {:?}", settings::<ServeSettings>(&flags), read(&flags).unwrap());
    assert!(!shown.contains("canary"), "{shown}");

    let wrong = [
        "--corefy-api-key=canary",
        "--corefy-secret-key=canary",
        "--corefy-client-key=canary",
        "--gateway-master-key=canary",
        "--database-url=canary://canary",
        "--corefy-base-url=https://u:canary@host",
        "--corefy-webhook-secret-previous=canary",
    ];
    let shown = read(&wrong).unwrap_err();
    assert!(shown.lines().count() == 8 && !shown.contains("canary"), "{shown}");
}

#[test]
fn help_names_every_variable_and_hides_secrets() {
    let mut command = ServeSettings::augment_args(Command::new("test"));
    for arg in command.get_arguments() {
        let variable = arg.get_env().unwrap().to_str().unwrap();
        assert_eq!(variable.to_lowercase().replace('_', "-"), arg.get_long().unwrap());
        let is_secret =
            ["_KEY", "_OTHER", "_SECRET", "_PREVIOUS", "DATABASE_URL"].iter().any(|end| variable.ends_with(end));
        let is_file = variable.starts_with("GATEWAY_TLS_");
        assert_eq!(arg.is_hide_env_values_set(), is_secret && !is_file, "{variable}");
        assert!(arg.get_help().is_some() && arg.get_help_heading().is_some(), "{variable}");
    }
    assert!(command.render_long_help().to_string().contains("COREFY_API_KEY"));
}

const COMMERCE: [&str; 5] = [
    "--corefy-api=commerce",
    "--corefy-account-id=coma_1",
    "--corefy-api-key=canary-api",
    "--corefy-base-url=https://com.example/api",
    "--gateway-master-key=canary-master-0123456789abcdef01",
];

fn commerce(flags: &[&str]) -> Result<CommerceConfig, String> {
    match read(&[&COMMERCE, flags].concat())?.upstream.api {
        UpstreamApi::Commerce(config) => Ok(*config),
        UpstreamApi::Intents { .. } => panic!("another API"),
    }
}

#[test]
fn the_commerce_api_needs_an_account_and_an_address_and_no_key_that_signs() {
    let config = read(&COMMERCE).unwrap();
    assert_eq!(config.upstream.base_url.as_str(), "https://com.example/api");
    let bare = commerce(&[]).unwrap();
    assert_eq!(bare.account_id, "coma_1");
    assert!(bare.card_gate_url.is_none() && bare.public_url.is_none() && bare.callback_url.is_none());
    assert!(bare.public_key.is_none() && bare.services.is_empty());
    let missing =
        read(&["--corefy-api=commerce", "--gateway-master-key=canary-master-0123456789abcdef01"]).unwrap_err();
    for variable in ["COREFY_ACCOUNT_ID", "COREFY_API_KEY", "COREFY_BASE_URL"] {
        assert!(missing.contains(&format!("\n  {variable}: is missing; ")), "{missing}");
    }
}

#[test]
fn the_commerce_api_has_hosts_a_public_key_and_services_of_its_own() {
    let config = commerce(&[
        "--corefy-card-gate-url=https://gate.example/x",
        "--corefy-public-url=https://com.example",
        "--corefy-public-key=pk_live_0123",
        "--corefy-callback-url=https://gw.example/webhooks/corefy",
        "--corefy-services=card:EUR=payment_card_eur_hpp, ideal=ideal_eur_hpp",
    ])
    .unwrap();
    assert_eq!(config.card_gate_url.unwrap().as_str(), "https://gate.example/x");
    assert_eq!(config.callback_url.unwrap().path(), "/webhooks/corefy");
    let eur = Currency::parse("EUR");
    assert_eq!(config.services[&("card".to_owned(), eur)], "payment_card_eur_hpp");
    assert_eq!(config.services[&("ideal".to_owned(), None)], "ideal_eur_hpp");
}

#[test]
fn a_key_of_the_other_mode_an_open_address_and_a_service_twice_are_refused_and_never_shown() {
    for (flags, told) in [
        (
            vec!["--corefy-public-key=pk_test_canary"],
            "COREFY_PUBLIC_KEY: is a test key, but COREFY_SANDBOX_MODE is false",
        ),
        (
            vec!["--corefy-sandbox-mode", "--corefy-webhook-secret=sk_live_canary"],
            "COREFY_WEBHOOK_SECRET: is a live key, but COREFY_SANDBOX_MODE is true",
        ),
        (
            vec!["--corefy-card-gate-url=http://gate.example"],
            "COREFY_CARD_GATE_URL: must begin with https:// unless its host is this machine",
        ),
        (
            vec!["--corefy-callback-url=https://canary:canary@gw.example"],
            "COREFY_CALLBACK_URL: must be a scheme, a host and perhaps a path, such as https://com.example/api",
        ),
        (vec!["--corefy-services=card=a,card=b"], "COREFY_SERVICES: must name card once"),
        (
            vec!["--corefy-services=card"],
            "COREFY_SERVICES: must be services such as card:EUR=payment_card_eur_hpp or ideal=ideal_eur_hpp, separated by \
             commas, is \"card\"",
        ),
    ] {
        let refused = commerce(&flags).unwrap_err();
        assert_eq!(refused, format!("a setting is wrong:\n  {told}"));
        assert!(!refused.contains("canary"));
    }
}
