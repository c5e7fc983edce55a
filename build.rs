//! Compiles the protos in Rust, without `protoc`: messages, stubs for clients, with the feature `server` also for the
//! server, and the descriptor set that reflection serves.

use std::{env, error::Error, fs, path::PathBuf};

/// Messages whose derived `Debug` would print a card or a person; `src/pb.rs` gives them one that does not.
const NO_DERIVED_DEBUG: [&str; 9] = [
    ".corefy.gateway.v1.Card",
    ".corefy.gateway.v1.CardToSave",
    ".corefy.gateway.v1.ThreeDSecure",
    ".corefy.gateway.v1.Address",
    ".corefy.gateway.v1.Redirect",
    ".corefy.gateway.v1.DisplayDetails",
    ".corefy.gateway.v1.CreatePaymentIntentRequest",
    ".corefy.gateway.v1.CreateCustomerRequest",
    ".corefy.gateway.v1.CreatePaymentMethodRequest",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files: Vec<PathBuf> = fs::read_dir("proto/corefy/gateway/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;

    // Encoded by the compiler itself: a decoded set that is encoded again loses custom options.
    let descriptor = PathBuf::from(env::var("OUT_DIR")?).join("descriptor.bin");
    fs::write(descriptor, compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .btree_map(".") // a map in one order, so that a replayed answer is the same byte for byte
        .skip_debug(NO_DERIVED_DEBUG)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
