//! The development set-up's accounts are written in a public file: nothing that matters may be served with them.

use lapin::uri::AMQPUri;
use toml::Table;

use super::{DEV, Settings};
use crate::actors::broker::Addresses;
use crate::faults::Faults;
use crate::secret::Secret;

/// Passwords of the development set-up.
const KNOWN_PASSWORDS: [&str; 4] = ["botberi", "botberi_owner", "guest", "postgres"];
/// Roles of the development set-up; without a password they are let in by servers that trust whoever reaches them.
const KNOWN_ROLES: [&str; 2] = ["botberi", "botberi_owner"];
/// Accounts that are refused whatever their password: the superuser, and the account that RabbitMQ is delivered with.
const SUPERUSER: &str = "postgres";
const GUEST: &str = "guest";

/// Notes each key that holds one of the development set-up's accounts.
pub(super) fn refuse_fixed(settings: &Settings, faults: &mut Faults) {
    let Settings { postgres, rabbitmq, auth, .. } = settings;
    refuse_postgres("postgres.user.url", &postgres.user.url, faults);
    refuse_postgres("postgres.user.owner_url", &postgres.user.owner_url, faults);
    refuse_postgres("postgres.shared.url", &postgres.shared.url, faults);
    refuse_postgres("postgres.shared.owner_url", &postgres.shared.owner_url, faults);
    refuse_rabbitmq("rabbitmq.url", &rabbitmq.url, faults);

    let known = development_seed(settings);
    if known.is_some() && auth.signing_seed() == known {
        faults.add("auth.signing_key", "is the development key, refused outside the dev profile");
    }
}

fn refuse_postgres(key: &str, url: &Secret, faults: &mut Faults) {
    // What does not parse is a fault already.
    let Ok(config) = url.expose().parse::<tokio_postgres::Config>() else { return };
    let known_password = |given: &[u8]| KNOWN_PASSWORDS.iter().any(|known| known.as_bytes() == given);
    let problem = match (config.get_user(), config.get_password().filter(|given| !given.is_empty())) {
        (_, Some(password)) if known_password(password) => "holds a development password",
        (Some(SUPERUSER), _) => "names the superuser",
        (Some(role), None) if KNOWN_ROLES.contains(&role) => "names a development role without a password",
        _ => return,
    };
    faults.add(key, format!("{problem}, refused outside the dev profile"));
}

fn refuse_rabbitmq(key: &str, url: &Secret, faults: &mut Faults) {
    if url.is_empty() {
        return;
    }
    // An address without an account means guest/guest, and is read as such here.
    let Ok(addresses) = Addresses::read(url.expose()) else { return };
    let is_known = |node: &AMQPUri| {
        let account = &node.authority.userinfo;
        account.username == GUEST || KNOWN_PASSWORDS.contains(&account.password.as_str())
    };
    if addresses.nodes().iter().any(is_known) {
        faults.add(key, "holds the development account, refused outside the dev profile");
    }
}

fn development_seed(settings: &Settings) -> Option<[u8; 32]> {
    let dev: Table = DEV.parse().ok()?;
    let key = dev.get("auth")?.get("signing_key")?.as_str()?;
    let mut auth = settings.auth.clone();
    auth.signing_key = Secret::new(key);
    auth.signing_seed()
}
