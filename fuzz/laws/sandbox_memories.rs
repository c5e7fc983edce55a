//! A memory that is read is written as it was read, and can be taken over.

use corefy_gateway::{
    domain::{clock::Timestamp, environment::Environment},
    sandbox::{Sandbox, SandboxMemory},
};
use tokio::runtime::Builder;

use super::{corefy::NOW, gateway::sandbox_options};

/// Takes a document.
pub fn a_memory_is_read_as_it_is_written(bytes: &[u8]) {
    let Ok(memory) = SandboxMemory::read(bytes) else { return };
    let written = memory.write().expect("it is far from too large");
    let again = SandboxMemory::read(&written).expect("what is written can be read");
    assert_eq!(again.write().expect("it can be written again"), written);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("there is a runtime");
    runtime.block_on(async {
        let environment = Environment::from_seed(Timestamp::from_seconds(NOW), 0);
        let sandbox = Sandbox::in_process(sandbox_options(), environment).expect("there is a sandbox");
        if sandbox.load(again).await.is_ok() {
            sandbox.settle_due();
            sandbox.payments();
            sandbox.memory().expect("it is that of all ledgers").write().expect("it can be kept");
        }
    });
}
