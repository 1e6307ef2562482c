//! How to serve the page.

use std::net::SocketAddr;

use super::public_url::PublicUrl;
use super::token::Token;

/// The default port.
const DEFAULT_PORT: u16 = 8642;

/// How to serve the page.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where to listen; port 0 takes any free port.
    pub address: SocketAddr,
    /// Where a proxy shows the page to others.
    pub public_url: Option<PublicUrl>,
    /// The token that viewers need; if it is `None`, a random one is made where one is needed.
    pub token: Option<Token>,
}

/// Parses `ADDR:PORT`, `ADDR` or `:PORT`.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix(':').filter(|port| !port.contains(':')) {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.replace("localhost", "127.0.0.1"),
    };
    let alone = || full.trim_matches(['[', ']']).parse().ok().map(|ip| SocketAddr::new(ip, DEFAULT_PORT));
    full.parse().ok().or_else(alone).ok_or_else(|| "must be ADDR:PORT, such as 127.0.0.1:8642 or 0.0.0.0:8642".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_be_short() {
        let parsed = |text: &str| parse_address(text).map(|address| address.to_string());
        assert_eq!(parsed(":9000"), Ok("127.0.0.1:9000".into()));
        assert_eq!(parsed("0.0.0.0"), Ok("0.0.0.0:8642".into()));
        assert_eq!(parsed("localhost:80"), Ok("127.0.0.1:80".into()));
        assert_eq!(parsed("[::1]:80"), Ok("[::1]:80".into()));
        assert_eq!(parsed("::1"), Ok("[::1]:8642".into()));
        assert!(parsed("nowhere").is_err() && parsed("1.2.3.4:99999").is_err());
    }
}
