//! What a new account must be like. Whoever makes accounts, the API or a command, asks here first.

use crate::secret::Secret;

/// In characters, as `users.username` counts.
const USERNAME_CHARS_MIN: usize = 3;
const USERNAME_CHARS_MAX: usize = 255;

/// In bytes. NIST SP 800-63B asks for 8 at least; the most keeps hashing from being fed megabytes.
const PASSWORD_BYTES_MIN: usize = 8;
const PASSWORD_BYTES_MAX: usize = 1_024;

/// In characters, as `users.email` counts: 64 before the `@`, 255 behind.
const EMAIL_CHARS_MAX: usize = 320;

/// A user name without the space around it.
///
/// # Errors
/// What it must be like.
pub fn username(text: &str) -> Result<String, String> {
    let name = text.trim();
    if !(USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&name.chars().count()) {
        return Err(format!("must have {USERNAME_CHARS_MIN} to {USERNAME_CHARS_MAX} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    // Postgres, which keeps names apart, makes one letter of each: two such names could be one there and two here.
    if name.chars().any(|letter| letter.to_lowercase().count() > 1) {
        return Err("must not contain `İ`".to_owned());
    }
    Ok(name.to_owned())
}

/// What is the same of names that differ in case only: letter by letter, as Postgres does it.
#[must_use]
pub fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// A password, every byte of it as it is.
///
/// # Errors
/// What it must be like.
pub fn password(text: String) -> Result<Secret, String> {
    if !(PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&text.len()) {
        return Err(format!("must have {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes"));
    }
    Ok(Secret::new(text))
}

/// An address without the space around it. Only a mail can prove that it works, so little is asked of its form.
///
/// # Errors
/// What it must be like.
pub fn email(text: &str) -> Result<String, String> {
    let address = text.trim();
    let is_one_word = !address.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    let has_both_sides =
        address.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    if !is_one_word || !has_both_sides {
        return Err("must be an e-mail address".to_owned());
    }
    if address.chars().count() > EMAIL_CHARS_MAX {
        return Err(format!("must have {EMAIL_CHARS_MAX} characters at most"));
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_may_look_like_addresses_and_are_trimmed() {
        assert_eq!(username(" ada@example.org ").unwrap(), "ada@example.org");
        assert_eq!(username("żółw").unwrap(), "żółw");
        assert_eq!(username(&"ä".repeat(255)).unwrap().chars().count(), 255);
    }

    #[test]
    fn user_names_are_neither_short_nor_long_nor_invisible() {
        for refused in ["", "ab", "  ab  ", "a\0b", "a\nbc", &"a".repeat(256)] {
            assert!(username(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_letter_that_postgres_makes_another_of_than_we_is_in_no_name() {
        for refused in ["ADM\u{130}N", "\u{130}\u{130}\u{130}"] {
            assert!(username(refused).is_err(), "{refused:?}");
        }
        assert_eq!(folded(&username("ADMIN").unwrap()), "admin");
        // A sigma at the end of a word is no other letter there.
        assert_eq!(folded("ΑΣ"), folded("ασ"));
        // It is the only letter of its kind.
        let many = (char::MIN..=char::MAX).filter(|letter| letter.to_lowercase().count() > 1);
        assert_eq!(many.collect::<String>(), "İ");
    }

    #[test]
    fn passwords_are_bounded_in_bytes_and_kept_as_they_are() {
        assert!(password("1234567".to_owned()).is_err());
        assert!(password("x".repeat(1_025)).is_err());
        assert_eq!(password("  żółw  ".to_owned()).unwrap().expose(), "  żółw  ");
    }

    #[test]
    fn addresses_have_two_sides_and_no_spaces() {
        assert_eq!(email(" a@b ").unwrap(), "a@b");
        for refused in ["", "@", "a@", "@b", "a b@c", "a", &format!("{}@b", "a".repeat(320))] {
            assert!(email(refused).is_err(), "{refused:?}");
        }
    }
}
