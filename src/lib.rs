pub mod domain;
pub mod pb;
pub mod sandbox;
pub mod upstream;
