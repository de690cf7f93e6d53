//! Who runs a command, as the audit log names them.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::models::Origin;

/// What commands do is done by the account that runs them: the one that the system knows, not what the environment says.
pub(super) fn operator() -> Origin {
    Origin::of_command(&account().unwrap_or_else(|| "unknown".to_owned()))
}

fn account() -> Option<String> {
    // A process's own entry belongs to whoever runs it.
    let uid = fs::metadata("/proc/self").ok()?.uid();
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(named(&accounts, uid).map_or_else(|| format!("uid {uid}"), str::to_owned))
}

/// The name of that number, in lines such as `ada:x:1000:1000:Ada:/home/ada:/bin/sh`.
fn named(accounts: &str, uid: u32) -> Option<&str> {
    let wanted = uid.to_string();
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number == wanted && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_name_of_its_number() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/sh\nbroken\n";
        assert_eq!(named(accounts, 1_000), Some("ada"));
        assert_eq!(named(accounts, 0), Some("root"));
        assert_eq!(named(accounts, 7), None);
    }
}
