//! What the fields of an entry must be like.

use crate::models::document;

const TITLE_CHARS_MAX: usize = 200;
const FILE_NAME_CHARS_MAX: usize = 255;
const URL_CHARS_MAX: usize = 2_048;

/// What an entry is called, without the space around it.
///
/// # Errors
/// What it must be like.
pub fn title(text: &str) -> Result<String, String> {
    document::line(text, TITLE_CHARS_MAX)
}

/// The name of a file, without the folders that some browsers send with it.
///
/// # Errors
/// What it must be like.
pub fn file_name(text: &str) -> Result<String, String> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or(text);
    document::line(last, FILE_NAME_CHARS_MAX)
}

/// An address that an entry is from. Whether anything is fetched from there is decided elsewhere.
///
/// # Errors
/// What it must be like.
pub fn source_url(text: &str) -> Result<String, String> {
    let text = document::line(text, URL_CHARS_MAX)?;
    let is_web = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_web { Ok(text) } else { Err("must be a URL like https://example.com/path".to_owned()) }
}

/// A text that is sent as it is.
///
/// # Errors
/// What it must be like.
pub fn content(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.contains('\0') {
        return Err("must not contain the character U+0000".to_owned());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_what_stands_behind_its_folders() {
        assert_eq!(file_name(r"C:\docs\Informe año.pdf").as_deref(), Ok("Informe año.pdf"));
        assert_eq!(file_name("../../etc/passwd").as_deref(), Ok("passwd"));
        for none in ["", "folder/", "a\nb", "a\0b"] {
            assert!(file_name(none).is_err(), "{none:?}");
        }
    }

    #[test]
    fn an_address_is_one_of_the_web() {
        assert!(source_url("https://example.com/a?b#c").is_ok());
        for none in ["", "example.com", "ftp://example.com", "javascript:alert(1)", "file:///etc/passwd"] {
            assert!(source_url(none).is_err(), "{none:?}");
        }
    }
}
