//! Web pages that may call us from a browser, by the `Origin` that browsers send.

/// A list of allowed pages. Each is an origin such as `https://app.example.com`, or one of any port:
/// `http://localhost:*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebOrigins(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// In lower case, as browsers write it.
    origin: String,
    is_any_port: bool,
}

impl WebOrigins {
    /// Reads a list; `None` if one of them is no origin. `*` alone is none either: who wants every page in has to say which.
    #[must_use]
    pub fn read(origins: &[String]) -> Option<Self> {
        origins.iter().map(|text| Pattern::read(text)).collect::<Option<_>>().map(Self)
    }

    /// Whether no page is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a page with this `Origin` is on the list.
    #[must_use]
    pub fn admit(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|pattern| pattern.fits(origin))
    }
}

impl Pattern {
    fn read(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let plain = host.strip_suffix(":*");
        let is_host = |host: &str| {
            let sane = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
            !host.is_empty() && host.bytes().all(sane)
        };
        if !["http", "https"].contains(&scheme) || !is_host(plain.unwrap_or(host)) {
            return None;
        }
        let origin = text.strip_suffix(":*").unwrap_or(text).to_ascii_lowercase();
        Some(Self { origin, is_any_port: plain.is_some() })
    }

    fn fits(&self, origin: &[u8]) -> bool {
        let (known, length) = (self.origin.as_bytes(), self.origin.len());
        if !self.is_any_port {
            return origin.eq_ignore_ascii_case(known);
        }
        let Some((start, port)) = origin.split_at_checked(length) else { return false };
        let is_port = port.is_empty()
            || (port[0] == b':' && port.len() > 1 && port[1..].iter().all(u8::is_ascii_digit));
        start.eq_ignore_ascii_case(known) && is_port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(origins: &[&str]) -> Option<WebOrigins> {
        WebOrigins::read(&origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_pages_of_the_list_are_admitted() {
        let origins = read(&["https://app.example.com", "http://localhost:*"]).unwrap();
        for good in [
            "https://app.example.com",
            "https://App.Example.com",
            "http://localhost",
            "http://localhost:5173",
        ] {
            assert!(origins.admit(good.as_bytes()), "{good}");
        }
        for bad in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.org",
            "http://localhost.evil.org",
            "http://localhost:",
            "http://localhost:80x",
            "http://localhost:80.evil.org",
            "null",
            "",
        ] {
            assert!(!origins.admit(bad.as_bytes()), "{bad}");
        }
        assert!(!read(&[]).unwrap().admit(b"https://app.example.com"));
    }

    #[test]
    fn what_is_no_origin_is_not_read() {
        for not_one in [
            "*",
            "app.example.com",
            "https://",
            "https://a/b",
            "https://*.example.com",
            "ftp://a",
            "http://:*",
        ] {
            assert_eq!(read(&[not_one]), None, "{not_one}");
        }
    }
}
