//! What replicas say to each other over `agents.direct`: orders, and what is answered to them.
//!
//! The AMQP property `type` says which one it is; the body is a JSON object that begins with `schema_version`. Nothing depends
//! on an order for its correctness: the row of the instance says what has to be done, and an order only says: now.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::ids::InstanceId;

/// The version of all of these messages; see [`super::SCHEMA_VERSION`] for when it grows.
pub const CONTROL_VERSION: i32 = 1;

/// Instances that one order may name. Too few, and a burst costs a message each; more than this, and one message keeps its
/// reader's thread.
pub const ORDERED_MAX: usize = 256;

/// The largest body that is read: what [`ORDERED_MAX`] instances take, three times over.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// An instance, and up to where its row has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownRevision {
    /// Which instance.
    pub instance_id: InstanceId,
    /// The revision that its row has at least.
    pub revision: i64,
}

/// Rows of instances that the reader owns have these revisions: look at those that you have not seen. Answered with `taken`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookAfterThese {
    /// At most 256.
    pub instances: Vec<KnownRevision>,
}

/// There are instances that nobody owns: sweep now rather than at the next tick. Answered with `taken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TakeUp {}

/// The instance was taken from the reader, whatever it is doing with it: drop what is kept in memory. Answered with `taken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetGo {
    /// Which instance.
    pub instance_id: InstanceId,
    /// The epoch that made the reader's claim void. What it has claimed again since then it keeps.
    pub owner_epoch: i64,
}

/// What does your actor of this instance do? Answered with `described`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Describe {
    /// Which instance.
    pub instance_id: InstanceId,
}

/// An order from one replica to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// See [`LookAfterThese`].
    LookAfter(LookAfterThese),
    /// See [`TakeUp`].
    TakeUp(TakeUp),
    /// See [`LetGo`].
    LetGo(LetGo),
    /// See [`Describe`].
    Describe(Describe),
}

/// The order has been taken in: what it names will be looked at, or was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// Instances of the order that the reader does not look after: read their rows again to see who does.
    pub not_mine: Vec<InstanceId>,
}

/// How the actor of an instance does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Described {
    /// `null`: there is none on this replica.
    pub actor: Option<ActorState>,
}

/// The order could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Why.
    pub reason: String,
}

/// What is answered to an [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderReply {
    /// See [`Taken`].
    Taken(Taken),
    /// See [`Described`].
    Described(Described),
    /// See [`Refused`].
    Refused(Refused),
}

/// An actor that looks after one instance, as it sees itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActorState {
    /// Where it stands in the tree of its replica.
    pub path: String,
    /// `up`, or `backing_off` between two lives.
    pub phase: String,
    /// What it does: `claiming`, `preparing`, `writing`, `tearing_down`, `purging`, or `resting` when all is as it is
    /// wanted. `null` between two lives, and for one that does not answer.
    pub step: Option<String>,
    /// Since when it does that.
    pub since: Option<Timestamp>,
    /// The epoch under which it acts; `null` as long as it has not claimed the row.
    pub owner_epoch: Option<i64>,
    /// How often it was built again.
    pub restarts: u32,
    /// How its life before this one ended.
    pub last_exit: Option<String>,
    /// When.
    pub last_exit_at: Option<Timestamp>,
    /// What is in its way, if it waits to try again.
    pub retry: Option<Retry>,
}

/// Something that did not work and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retry {
    /// How often in a row.
    pub failures: u32,
    /// What went wrong the last time.
    pub error: String,
}

/// Why a message of another replica cannot be read.
#[derive(Debug, Error)]
pub enum ControlError {
    /// It is of a later release.
    #[error("schema_version {0} is later than {CONTROL_VERSION}")]
    Version(i32),
    /// There is no such message.
    #[error("there is no message `{0}`")]
    Unknown(String),
    /// It is longer than any can be.
    #[error("it has {0} bytes")]
    Long(usize),
    /// It names more instances than one may.
    #[error("it names {0} instances")]
    Many(usize),
    /// It is no such JSON.
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    schema_version: i32,
    #[serde(flatten)]
    own: T,
}

impl Order {
    /// What stands in the property `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::LookAfter(_) => "order.look_after",
            Self::TakeUp(_) => "order.take_up",
            Self::LetGo(_) => "order.let_go",
            Self::Describe(_) => "order.describe",
        }
    }

    /// The body.
    ///
    /// # Errors
    /// None that can happen: every order can be written.
    pub fn body(&self) -> Result<Vec<u8>, ControlError> {
        match self {
            Self::LookAfter(own) => write(own),
            Self::TakeUp(own) => write(own),
            Self::LetGo(own) => write(own),
            Self::Describe(own) => write(own),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or of a later release.
    pub fn read(kind: &str, body: &[u8]) -> Result<Self, ControlError> {
        match kind {
            "order.look_after" => {
                let own: LookAfterThese = read(body)?;
                match own.instances.len() {
                    count if count > ORDERED_MAX => Err(ControlError::Many(count)),
                    _ => Ok(Self::LookAfter(own)),
                }
            }
            "order.take_up" => Ok(Self::TakeUp(read(body)?)),
            "order.let_go" => Ok(Self::LetGo(read(body)?)),
            "order.describe" => Ok(Self::Describe(read(body)?)),
            other => Err(ControlError::Unknown(other.chars().take(50).collect())),
        }
    }
}

impl OrderReply {
    /// All of it was taken in.
    #[must_use]
    pub const fn taken() -> Self {
        Self::Taken(Taken { not_mine: Vec::new() })
    }

    /// What stands in the property `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Taken(_) => "reply.taken",
            Self::Described(_) => "reply.described",
            Self::Refused(_) => "reply.refused",
        }
    }

    /// The body.
    ///
    /// # Errors
    /// None that can happen: every reply can be written.
    pub fn body(&self) -> Result<Vec<u8>, ControlError> {
        match self {
            Self::Taken(own) => write(own),
            Self::Described(own) => write(own),
            Self::Refused(own) => write(own),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or of a later release.
    pub fn read(kind: &str, body: &[u8]) -> Result<Self, ControlError> {
        match kind {
            "reply.taken" => Ok(Self::Taken(read(body)?)),
            "reply.described" => Ok(Self::Described(read(body)?)),
            "reply.refused" => Ok(Self::Refused(read(body)?)),
            other => Err(ControlError::Unknown(other.chars().take(50).collect())),
        }
    }
}

fn write<T: Serialize>(own: &T) -> Result<Vec<u8>, ControlError> {
    Ok(serde_json::to_vec(&Versioned { schema_version: CONTROL_VERSION, own })?)
}

/// The version first: what a later release says need not have the fields of this one.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: i32,
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(ControlError::Long(body.len()));
    }
    let Version { schema_version } = serde_json::from_slice(body)?;
    if schema_version > CONTROL_VERSION {
        return Err(ControlError::Version(schema_version));
    }
    Ok(serde_json::from_slice::<Versioned<T>>(body)?.own)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn orders() -> [Order; 4] {
        let instance_id = InstanceId::new();
        let instances = vec![KnownRevision { instance_id, revision: 3 }];
        [
            Order::LookAfter(LookAfterThese { instances }),
            Order::TakeUp(TakeUp {}),
            Order::LetGo(LetGo { instance_id, owner_epoch: 2 }),
            Order::Describe(Describe { instance_id }),
        ]
    }

    #[test]
    fn what_is_written_is_read_and_fields_that_are_not_known_are_passed_over() {
        for order in orders() {
            let body = order.body().unwrap();
            assert_eq!(Order::read(order.kind(), &body).unwrap(), order);
            let mut more: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(more["schema_version"], 1);
            more["colour"] = "blue".into();
            assert_eq!(Order::read(order.kind(), more.to_string().as_bytes()).unwrap(), order);
        }
        let reply = OrderReply::Taken(Taken { not_mine: vec![InstanceId::new()] });
        assert_eq!(OrderReply::read(reply.kind(), &reply.body().unwrap()).unwrap(), reply);
    }

    #[test]
    fn what_is_of_a_later_release_unknown_or_too_much_is_refused() {
        let later = br#"{"schema_version": 2}"#;
        assert!(matches!(Order::read("order.take_up", later), Err(ControlError::Version(2))));
        assert!(matches!(Order::read("order.dance", later), Err(ControlError::Unknown(_))));
        assert!(matches!(Order::read("order.take_up", b"{}"), Err(ControlError::Shape(_))));
        let instance_id = InstanceId::new();
        let instances = vec![KnownRevision { instance_id, revision: 1 }; ORDERED_MAX + 1];
        let order = Order::LookAfter(LookAfterThese { instances });
        let read = Order::read(order.kind(), &order.body().unwrap());
        assert!(matches!(read, Err(ControlError::Many(257))));
        let long = vec![b' '; BODY_BYTES_MAX + 1];
        assert!(matches!(Order::read("order.take_up", &long), Err(ControlError::Long(_))));
    }

    fn instance_ids() -> impl Strategy<Value = InstanceId> {
        any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string().parse().unwrap())
    }

    fn any_orders() -> impl Strategy<Value = Order> {
        let known = (instance_ids(), any::<i64>())
            .prop_map(|(instance_id, revision)| KnownRevision { instance_id, revision });
        prop_oneof![
            prop::collection::vec(known, 0..=ORDERED_MAX)
                .prop_map(|instances| Order::LookAfter(LookAfterThese { instances })),
            Just(Order::TakeUp(TakeUp {})),
            (instance_ids(), any::<i64>())
                .prop_map(|(instance_id, owner_epoch)| Order::LetGo(LetGo { instance_id, owner_epoch })),
            instance_ids().prop_map(|instance_id| Order::Describe(Describe { instance_id })),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_order_is_read_back_and_is_short_enough_to_be_read(order in any_orders()) {
            let body = order.body().unwrap();
            prop_assert_eq!(Order::read(order.kind(), &body).unwrap(), order);
        }

        #[test]
        fn whatever_is_changed_in_an_order_it_is_one_of_its_kind_or_an_error(
            order in any_orders(), place in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..4)
        ) {
            let mut body = order.body().unwrap();
            let place = place.index(body.len());
            body.splice(place..=place, with);
            if let Ok(read) = Order::read(order.kind(), &body) {
                prop_assert_eq!(read.kind(), order.kind());
            }
        }

        #[test]
        fn any_bytes_under_any_name_are_a_message_or_an_error(
            kind in "order\\.(look_after|take_up|let_go|describe)|reply\\.(taken|described|refused)|.{0,80}",
            body in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), "\\{\"schema_version\":-?[0-9]{1,12}.{0,60}".prop_map(String::into_bytes)],
        ) {
            for error in [Order::read(&kind, &body).err(), OrderReply::read(&kind, &body).err()].into_iter().flatten() {
                prop_assert!(error.to_string().len() < 500, "{error}");
            }
        }
    }
}
