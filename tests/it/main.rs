//! Tests against the real server, over real channels.
