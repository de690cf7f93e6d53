//! What a client wants to hear of: channels, named after the subjects of the routing keys. Pure.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::models::{InstanceId, RoutingKey};

/// Single instances that one session may listen to. More are better served by the whole channel; each costs memory and
/// a comparison per event.
const INSTANCES_MAX: usize = 100;

/// What an event is about, as far as channels tell it apart. One bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic(u8);

impl Topic {
    const INSTANCES: Self = Self(1);
    const EXECUTIONS: Self = Self(1 << 1);
    const WORKFLOWS: Self = Self(1 << 2);
    const KNOWLEDGE_BASES: Self = Self(1 << 3);
    const TEAMS: Self = Self(1 << 4);
    /// Subjects of a newer release: they come to whoever wants everything.
    const OTHER: Self = Self(1 << 7);

    const NAMED: [(Self, &'static str); 5] = [
        (Self::INSTANCES, "instances"),
        (Self::EXECUTIONS, "executions"),
        (Self::WORKFLOWS, "workflows"),
        (Self::KNOWLEDGE_BASES, "knowledge_bases"),
        (Self::TEAMS, "teams"),
    ];

    /// The topic of an event, or none if it is not for sockets: what external workers report is not true before it is
    /// applied, `auth.*` and `user.*` are the platform's own talk, and the catalog (`agent.*`) is nobody's.
    pub fn of(key: &RoutingKey) -> Option<Self> {
        match key.subject() {
            "instance" => Some(Self::INSTANCES),
            "execution" => Some(Self::EXECUTIONS),
            "workflow" => Some(Self::WORKFLOWS),
            "knowledge_base" => Some(Self::KNOWLEDGE_BASES),
            "team" => Some(Self::TEAMS),
            "report" | "auth" | "user" | "agent" => None,
            _ => Some(Self::OTHER),
        }
    }
}

/// A channel by its name: `all`, a topic such as `instances`, or one instance, `instance:<id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Everything that is the user's.
    All,
    /// Everything about one kind of thing.
    Topic(Topic),
    /// Everything about one instance: itself, its executions, its knowledge base.
    Instance(InstanceId),
}

/// A text that names no channel.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "there is no such channel; there are all, instances, instance:<id>, executions, workflows, knowledge_bases, teams"
)]
pub struct UnknownChannel;

/// More single instances than a session may listen to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at most {INSTANCES_MAX} single instances; subscribe to `instances` instead")]
pub struct TooManyChannels;

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "all" {
            return Ok(Self::All);
        }
        if let Some(id) = name.strip_prefix("instance:") {
            return id.parse().map(Self::Instance).map_err(|_not_an_id| UnknownChannel);
        }
        let topic = Topic::NAMED.iter().find(|(_, known)| *known == name);
        topic.map(|(topic, _)| Self::Topic(*topic)).ok_or(UnknownChannel)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Instance(id) => write!(formatter, "instance:{id}"),
            Self::Topic(topic) => {
                let name = Topic::NAMED.iter().find(|(known, _)| known == topic);
                formatter.write_str(name.map_or("other", |(_, name)| name))
            }
        }
    }
}

/// What one session listens to. Everything, until it says otherwise: the first `subscribe` narrows it to what it names,
/// later ones add, and `subscribe` to `all` widens it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// None: everything. Most sessions never narrow it, and pay one word.
    chosen: Option<Box<Chosen>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Chosen {
    topics: u8,
    instances: Vec<InstanceId>,
}

impl Subscription {
    /// Adds channels.
    ///
    /// # Errors
    /// [`TooManyChannels`], and then nothing has changed.
    pub fn add(&mut self, channels: &[Channel]) -> Result<(), TooManyChannels> {
        if channels.contains(&Channel::All) {
            self.chosen = None;
            return Ok(());
        }
        let mut chosen = self.chosen.as_deref().cloned().unwrap_or_default();
        for channel in channels {
            match channel {
                Channel::Topic(topic) => chosen.topics |= topic.0,
                Channel::Instance(id) if !chosen.instances.contains(id) => chosen.instances.push(*id),
                Channel::Instance(_) | Channel::All => {}
            }
        }
        if chosen.instances.len() > INSTANCES_MAX {
            return Err(TooManyChannels);
        }
        self.chosen = Some(Box::new(chosen));
        Ok(())
    }

    /// Takes channels away. Taken from everything, the other topics are left.
    pub fn remove(&mut self, channels: &[Channel]) {
        let everything = || Box::new(Chosen { topics: u8::MAX, instances: Vec::new() });
        let chosen = self.chosen.get_or_insert_with(everything);
        for channel in channels {
            match channel {
                Channel::All => **chosen = Chosen::default(),
                Channel::Topic(topic) => chosen.topics &= !topic.0,
                Channel::Instance(id) => chosen.instances.retain(|known| known != id),
            }
        }
    }

    /// Whether an event concerns the session.
    pub fn wants(&self, topic: Topic, instance: Option<InstanceId>) -> bool {
        match &self.chosen {
            None => true,
            Some(chosen) => {
                chosen.topics & topic.0 != 0 || instance.is_some_and(|id| chosen.instances.contains(&id))
            }
        }
    }

    /// What it amounts to.
    pub fn channels(&self) -> Vec<Channel> {
        let Some(chosen) = &self.chosen else { return vec![Channel::All] };
        let named = Topic::NAMED.iter().map(|(topic, _)| *topic);
        let topics = named.filter(|topic| chosen.topics & topic.0 != 0).map(Channel::Topic);
        topics.chain(chosen.instances.iter().copied().map(Channel::Instance)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(names: &[&str]) -> Vec<Channel> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn names(subscription: &Subscription) -> Vec<String> {
        subscription.channels().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_channels_name_reads_back() {
        let one = format!("instance:{}", InstanceId::new());
        for name in ["all", "instances", "executions", "workflows", "knowledge_bases", "teams", &one] {
            assert_eq!(name.parse::<Channel>().unwrap().to_string(), name);
        }
        for name in ["", "other", "agents", "instance", "instance:", "instance:7", "Instances"] {
            assert_eq!(name.parse::<Channel>(), Err(UnknownChannel), "{name}");
        }
    }

    #[test]
    fn the_first_subscription_narrows_and_later_ones_add() {
        let mut subscription = Subscription::default();
        assert_eq!(names(&subscription), ["all"]);
        subscription.add(&channels(&["executions"])).unwrap();
        subscription.add(&channels(&["workflows"])).unwrap();
        assert_eq!(names(&subscription), ["executions", "workflows"]);
        subscription.remove(&channels(&["executions", "workflows"]));
        assert!(names(&subscription).is_empty() && !subscription.wants(Topic::OTHER, None));
        subscription.add(&channels(&["all", "teams"])).unwrap();
        assert_eq!(names(&subscription), ["all"]);
    }

    #[test]
    fn what_is_taken_from_everything_leaves_the_rest() {
        let mut subscription = Subscription::default();
        subscription.remove(&channels(&["instances"]));
        assert!(!subscription.wants(Topic::INSTANCES, None));
        assert!(subscription.wants(Topic::TEAMS, None) && subscription.wants(Topic::OTHER, None));
    }

    #[test]
    fn one_instance_brings_all_that_is_about_it() {
        let (one, another) = (InstanceId::new(), InstanceId::new());
        let mut subscription = Subscription::default();
        subscription.add(&[Channel::Instance(one)]).unwrap();
        assert!(
            subscription.wants(Topic::INSTANCES, Some(one))
                && subscription.wants(Topic::EXECUTIONS, Some(one))
        );
        assert!(
            !subscription.wants(Topic::INSTANCES, Some(another))
                && !subscription.wants(Topic::WORKFLOWS, None)
        );
    }

    #[test]
    fn single_instances_are_bounded() {
        let mut subscription = Subscription::default();
        let many: Vec<Channel> = (0..=INSTANCES_MAX).map(|_| Channel::Instance(InstanceId::new())).collect();
        assert_eq!(subscription.add(&many), Err(TooManyChannels));
        assert_eq!(names(&subscription), ["all"]);
        assert_eq!(subscription.add(&many[1..]), Ok(()));
    }

    #[test]
    fn what_is_not_the_users_is_not_for_sockets() {
        for key in [RoutingKey::REPORT_INSTANCE, RoutingKey::AUTH_REVOKED, RoutingKey::AGENT_UPDATED] {
            assert_eq!(Topic::of(&key), None);
        }
        assert_eq!(Topic::of(&RoutingKey::KNOWLEDGE_BASE_ENTRY_CREATED), Some(Topic::KNOWLEDGE_BASES));
        assert_eq!(Topic::of(&"invoice.paid".parse().unwrap()), Some(Topic::OTHER));
    }
}
