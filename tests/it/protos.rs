//! The protos name each language's package themselves, and the clients' constants are the gateway's own words.

use std::{collections::BTreeSet, fs, path::Path};

use corefy_gateway::domain::{decline, event::EventType};
use serde_json::Value;

use crate::support::contract::descriptors;

const CONSTANTS: &str = include_str!("../../clients/constants.json");

/// The words of this kind that the clients have constants for.
fn constants(kind: &str) -> BTreeSet<String> {
    let words: Value = serde_json::from_str(CONSTANTS).unwrap();
    words[kind].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn plain_generators_make_the_packages_that_the_clients_have() {
    let pool = descriptors();
    let files: Vec<_> = pool.files().filter(|file| file.package_name() == "corefy.gateway.v1").collect();
    assert!(files.len() > 10);
    for file in files {
        let options = file.file_descriptor_proto().options.clone().unwrap_or_default();
        let name = file.name();
        assert_eq!(options.csharp_namespace(), "Corefy.Gateway.V1", "{name}");
        assert_eq!(options.go_package(), "github.com/corefy/corefy-gateway/clients/go/gatewayv1", "{name}");
        assert_eq!(options.java_package(), "com.corefy.gateway.v1", "{name}");
        assert!(options.java_multiple_files(), "{name}");
        assert!(options.java_outer_classname().ends_with("Proto"), "{name}");
        assert_eq!(options.php_namespace(), "Corefy\\Gateway\\V1", "{name}");
        assert_eq!(options.ruby_package(), "Corefy::Gateway::V1", "{name}");
    }
}

#[test]
fn the_clients_are_made_without_options_of_their_own() {
    let mut templates = 0;
    for language in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")).unwrap() {
        let Ok(template) = fs::read_to_string(language.unwrap().path().join("buf.gen.yaml")) else { continue };
        assert!(!template.contains("managed:"), "{template}");
        templates += 1;
    }
    assert!(templates >= 9, "{templates}");
}

#[test]
fn the_clients_have_a_constant_for_each_type_of_event_and_no_other() {
    let types: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(constants("event_types"), types);
}

#[test]
fn the_clients_have_a_constant_for_each_code_of_a_decline_and_no_other() {
    let codes: BTreeSet<_> = decline::known_codes().map(ToOwned::to_owned).collect();
    assert_eq!(constants("decline_codes"), codes);
}
