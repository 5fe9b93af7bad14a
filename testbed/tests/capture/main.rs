//! Capture files, read back by others: by `pcap-file` block by block, and by tshark as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod file;
mod flows;
mod tls;
mod tshark;
