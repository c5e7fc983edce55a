//! The services by their descriptors: their names, and the scope that each call needs. Derived from the compiled
//! protos, so that a new call cannot be forgotten.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::LazyLock,
};

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto, method_options::IdempotencyLevel};

use crate::{domain::api_key::Scope, pb, telemetry::label_values::OTHER};

/// The service whose mutating calls need a scope of their own, because they give money away.
const REFUND_SERVICE: &str = "corefy.gateway.v1.RefundService";
/// The service that no other scope gives a look at: whoever knows the rules can get around them.
const RISK_SERVICE: &str = "corefy.gateway.v1.RiskService";

/// Every call of the protos, `service/method`: what the metrics name calls by.
static METHODS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let paths = Contract::read().scopes.into_keys();
    paths.map(|path| path.trim_start_matches('/').to_owned()).collect()
});

/// The call at `path`, or [`OTHER`]: health, reflection, and what there is not.
pub(super) fn method(path: &str) -> &'static str {
    path.strip_prefix('/').and_then(|path| METHODS.get(path)).map_or(OTHER, String::as_str)
}

/// The services of this gateway.
#[derive(Debug)]
pub(super) struct Contract {
    /// The full name of every service.
    pub(super) services: Vec<String>,
    /// The scope of every call, by its path `/service/method`.
    scopes: HashMap<String, Scope>,
    /// The paths of the calls that answer with a stream.
    streams: HashSet<String>,
}

impl Contract {
    /// Reads the compiled protos.
    pub(super) fn read() -> Self {
        let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).expect("the compiler wrote it");
        let mut contract = Self { services: Vec::new(), scopes: HashMap::new(), streams: HashSet::new() };
        for file in files.file {
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    let path = format!("/{name}/{}", method.name());
                    if method.server_streaming() {
                        contract.streams.insert(path.clone());
                    }
                    contract.scopes.insert(path, scope(&name, method));
                }
                contract.services.push(name);
            }
        }
        contract
    }

    /// The scope that the call at `path` needs. There is no call at an unknown path, so the answer for it matters only
    /// in that it must not be the weakest.
    pub(super) fn scope(&self, path: &str) -> Scope {
        self.scopes.get(path).copied().unwrap_or(Scope::Write)
    }

    /// Whether the call at `path` answers with a stream.
    pub(super) fn is_stream(&self, path: &str) -> bool {
        self.streams.contains(path)
    }
}

fn scope(service: &str, method: &MethodDescriptorProto) -> Scope {
    let level = method.options.as_ref().map(|options| options.idempotency_level());
    match level {
        _ if service == RISK_SERVICE => Scope::Risk,
        Some(IdempotencyLevel::NoSideEffects) => Scope::Read,
        _ if service == REFUND_SERVICE => Scope::Refunds,
        _ => Scope::Write,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_the_scope_of_what_it_does() {
        let contract = Contract::read();
        assert_eq!(contract.services.len(), 8);
        for (path, scope) in &contract.scopes {
            let method = path.rsplit('/').next().unwrap();
            let expected = match method {
                _ if path.contains(".RiskService/") => Scope::Risk,
                "CreateRefund" => Scope::Refunds,
                "TestConnection" | "Export" => Scope::Read,
                _ if ["Get", "List", "Stream"].iter().any(|verb| method.starts_with(verb)) => Scope::Read,
                _ => Scope::Write,
            };
            assert_eq!(*scope, expected, "{path}");
        }
        let streams = ["EventService/StreamEvents", "ExportService/Export"];
        assert_eq!(contract.streams, streams.map(|path| format!("/corefy.gateway.v1.{path}")).into());
        assert_eq!(contract.scope("/corefy.gateway.v1.RefundService/CreateRefund"), Scope::Refunds);
        assert_eq!(contract.scope("/corefy.gateway.v1.RefundService/Unknown"), Scope::Write);
    }
}
