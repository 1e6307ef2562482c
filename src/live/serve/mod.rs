//! The session on a web page.

use std::net::SocketAddr;
use std::sync::Arc;

use super::desk::Desk;
use crate::Result;

/// Where the page is, unless the user says.
const DEFAULT_PORT: u16 = 8642;

/// `ADDR:PORT`, `ADDR` or `:PORT`.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| format!("127.0.0.1:{port}");
    let full = match text.strip_prefix(':') {
        Some(port) => local(port),
        None => text.replace("localhost", "127.0.0.1"),
    };
    let alone = || full.trim_matches(['[', ']']).parse().ok().map(|ip| SocketAddr::new(ip, DEFAULT_PORT));
    full.parse().ok().or_else(alone).ok_or_else(|| "must be ADDR:PORT, such as 127.0.0.1:8642 or 0.0.0.0:8642".into())
}

/// A running page.
pub struct Server;

impl Server {
    pub fn start(_address: SocketAddr, _desk: Arc<Desk>) -> Result<Self> {
        Ok(Self)
    }

    pub fn url(&self) -> String {
        String::new()
    }
}
