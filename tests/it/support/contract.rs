//! The calls of the gateway as its protos list them, and a way to make any of them.

use corefy_gateway::{pb::FILE_DESCRIPTOR_SET, server::Server};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::{Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

/// The package of the gateway's own services.
const PACKAGE: &str = "corefy.gateway.v1";

/// The descriptors, as the server's reflection gives them.
pub fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// Every call of the gateway's own services.
pub fn methods() -> Vec<MethodDescriptor> {
    let pool = descriptors();
    let services = pool.services().filter(|service| service.package_name() == PACKAGE);
    services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// The call's path, `/service/method`.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// Calls `path` with an empty message.
pub async fn call_raw(channel: &Channel, path: &str, request: Request<()>) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path: PathAndQuery = path.parse().unwrap();
    // Called as a stream, whose first sign is enough: a streaming call has no end to wait for.
    grpc.server_streaming(request, path, ProstCodec::<(), ()>::default()).await.map(|_| ())
}

/// The refusal of a call with this deadline, over plain HTTP/2: tonic's own client would stop waiting at the same moment
/// as the server answers.
pub async fn call_over_http2(server: &Server, key: &str, path: &str, timeout: &str, message: &[u8]) -> Status {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], message].concat();
    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let call = http
        .post(format!("http://{}{path}", server.grpc_addr))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {key}"))
        .header("grpc-timeout", timeout)
        .body(frame);
    Status::from_header_map(call.send().await.unwrap().headers()).unwrap()
}
