//! What is known of keys in Redis, so that a crowd of replicas does not ask Postgres for the same key: `api_key:{digest}`, a hash.
//!
//! It is sealed under the secret of the keys: whoever can write into Redis can make no key good by that.

use std::collections::HashMap;

use jiff::Timestamp;
use redis::RedisResult;

use super::key::{Digest, KeyHasher};
use crate::actors::redis_link::RedisLink;
use crate::models::store::api_keys::GoodKey;
use crate::models::{ApiKeyId, PermissionSet, Role, TeamId, UserId};

/// How long an entry lives. What is read from it is used for as long again.
const LIFE_SECONDS: i64 = 30;

/// How far a replica's clock may be behind another's.
const CLOCKS_DIFFER_SECONDS: i64 = 5;

/// Cheap to clone: clones share the connection.
#[derive(Clone)]
pub(super) struct Cache {
    link: RedisLink,
    hasher: KeyHasher,
}

impl Cache {
    pub(super) const fn new(link: RedisLink, hasher: KeyHasher) -> Self {
        Self { link, hasher }
    }

    /// What is there of a key; nothing where Redis is away, or holds what we did not write.
    pub(super) async fn find(&self, digest: &Digest) -> Option<GoodKey> {
        if self.link.is_away() {
            return None;
        }
        let answer: RedisResult<HashMap<String, String>> =
            redis::cmd("HGETALL").arg(name(digest)).query_async(&mut self.link.connection()).await;
        let mut fields = self.link.noted(answer).ok()?;
        let seal = fields.remove("seal")?;
        let entry = Entry(fields);
        // As long as Redis should keep it: one that was put back later is told apart by the time in it.
        let is_young =
            entry.age_seconds().is_some_and(|age| (-CLOCKS_DIFFER_SECONDS..=LIFE_SECONDS).contains(&age));
        if !is_young || self.seal(digest, &entry) != seal {
            return None;
        }
        entry.read()
    }

    /// Leaves it there for others, if Redis is there.
    pub(super) async fn keep(&self, digest: &Digest, key: &GoodKey) {
        if self.link.is_away() {
            return;
        }
        let entry = Entry::of(key);
        let seal = self.seal(digest, &entry);
        let mut fields: Vec<(String, String)> = entry.0.into_iter().collect();
        fields.push(("seal".to_owned(), seal));
        let name = name(digest);
        let mut pipe = redis::pipe();
        pipe.atomic().del(&name).ignore().hset_multiple(&name, &fields).ignore();
        pipe.expire(&name, LIFE_SECONDS).ignore();
        let answer = pipe.query_async::<()>(&mut self.link.connection()).await;
        let _others_ask_postgres = self.link.noted(answer);
    }

    fn seal(&self, digest: &Digest, entry: &Entry) -> String {
        // No value has a line break in it.
        let mut lines: Vec<String> =
            entry.0.iter().map(|(field, value)| format!("{field}={value}")).collect();
        lines.sort();
        lines.push(name(digest));
        self.hasher.seal(&lines.join("\n"))
    }
}

/// The fields of an entry.
struct Entry(HashMap<String, String>);

impl Entry {
    fn age_seconds(&self) -> Option<i64> {
        let read_at: i64 = self.0.get("read_at")?.parse().ok()?;
        Some(Timestamp::now().as_second().saturating_sub(read_at))
    }

    fn of(key: &GoodKey) -> Self {
        let mut fields = HashMap::from([
            ("read_at".to_owned(), Timestamp::now().as_second().to_string()),
            ("id".to_owned(), key.id.to_string()),
            ("user_id".to_owned(), key.user_id.to_string()),
            ("role".to_owned(), key.role.to_string()),
            ("permissions".to_owned(), key.permissions.names().join(" ")),
        ]);
        let team = key.team_id.map(|team| ("team_id".to_owned(), team.to_string()));
        let end = key.expires_at.map(|end| ("expires_at".to_owned(), end.to_string()));
        fields.extend(team.into_iter().chain(end));
        Self(fields)
    }

    fn read(&self) -> Option<GoodKey> {
        let field = |name: &str| self.0.get(name).map(String::as_str);
        let team_id = field("team_id").map(str::parse::<TeamId>).transpose().ok()?;
        let expires_at = field("expires_at").map(str::parse::<Timestamp>).transpose().ok()?;
        Some(GoodKey {
            id: field("id")?.parse::<ApiKeyId>().ok()?,
            user_id: field("user_id")?.parse::<UserId>().ok()?,
            role: field("role")?.parse::<Role>().ok()?,
            permissions: PermissionSet::of_names(field("permissions")?.split(' ')),
            team_id,
            expires_at,
        })
    }
}

fn name(digest: &Digest) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("api_key:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Permission;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let key = GoodKey {
            id: ApiKeyId::new(),
            user_id: UserId::new(),
            team_id: Some(TeamId::new()),
            permissions: [Permission::AgentList, Permission::InstanceRead].into_iter().collect(),
            expires_at: Some(Timestamp::now()),
            role: Role::Viewer,
        };
        assert_eq!(Entry::of(&key).read(), Some(key.clone()));
        let plain = GoodKey { team_id: None, expires_at: None, permissions: PermissionSet::default(), ..key };
        assert_eq!(Entry::of(&plain).read(), Some(plain));
    }
}
