//! The properties of each method by the protos.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto, method_options::IdempotencyLevel};

use crate::pb::FILE_DESCRIPTOR_SET;

/// The properties of a method that affect its calls.
#[derive(Clone, Copy)]
pub struct Method {
    /// Whether it changes anything.
    pub changes: bool,
    /// Whether its answer is a stream.
    pub streams: bool,
}

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let protos = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the set was encoded when this crate was built");
    let services =
        protos.file.iter().flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
    let methods = services.flat_map(|(package, service)| {
        let path = move |method: &MethodDescriptorProto| format!("/{package}.{}/{}", service.name(), method.name());
        service.method.iter().map(move |method| (path(method), Method::of(method)))
    });
    methods.collect()
});

impl Method {
    /// The method of this path; one that the protos do not have changes something, for all this client knows.
    pub fn at(path: &str) -> Self {
        METHODS.get(path).copied().unwrap_or(Self { changes: true, streams: false })
    }

    fn of(method: &MethodDescriptorProto) -> Self {
        let level = method.options.as_ref().map(|options| options.idempotency_level()).unwrap_or_default();
        Self { changes: level != IdempotencyLevel::NoSideEffects, streams: method.server_streaming() }
    }
}
