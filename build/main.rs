//! Compiles the protos in Rust, without `protoc`: messages, stubs for clients, with the feature `server` also for the
//! server, and the descriptor set that reflection serves.

mod personal_data;
mod redacted_debug;

use std::{env, error::Error, fs, path::PathBuf};

use protox::prost_reflect::MessageDescriptor;

/// The package of the gateway's own messages.
const PACKAGE: &str = "corefy.gateway.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");
    let files: Vec<PathBuf> = fs::read_dir("proto/corefy/gateway/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;

    // Encoded by the compiler itself: a decoded set that is encoded again loses custom options.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;

    let messages: Vec<MessageDescriptor> =
        compiler.descriptor_pool().all_messages().filter(|message| message.package_name() == PACKAGE).collect();
    fs::write(out.join("redacted_debug.rs"), redacted_debug::implementations(&messages))?;
    fs::write(out.join("debug_of.rs"), redacted_debug::debug_of(&messages))?;

    let methods = personal_data::methods(&compiler.descriptor_pool(), "corefy.gateway.v1.Event")?;
    fs::write(out.join("personal_data.rs"), methods)?;

    tonic_prost_build::configure()
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .btree_map(".") // a map in one order, so that a replayed answer is the same byte for byte
        .skip_debug(messages.iter().filter(|message| redacted_debug::is_needed(message)).map(redacted_debug::path))
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
