//! Tests against the real server, over real channels.

mod command_line;
