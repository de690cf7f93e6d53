//! The actor graph: every child of every role, in start order, one place.

use crate::actors::bell::Bell;
use crate::actors::event_publisher::{EventPublisher, PublisherParts};
use crate::actors::notify_listener::notify_listener;
use crate::actors::system::{Child, Handle, Strategy, Supervisor, actor};
use crate::settings::Role;

use super::parts::Parts;

/// The addresses that listeners and other actors speak to.
pub(super) struct Handles {
    pub(super) bell: Handle<Bell>,
}

impl Handles {
    pub(super) fn new(parts: &Parts) -> Self {
        Self { bell: Handle::new(Bell::NAME, parts.limits()) }
    }
}

/// The root. Whoever feeds others starts first and stops last: the broker outlives the workers, whose last writes it still
/// publishes.
pub(super) fn root(parts: &Parts, handles: &Handles) -> Supervisor {
    let mut root = Supervisor::new(Strategy::OneForOne).with(runtime(parts, handles));
    if parts.plays(Role::Broker) {
        root = root.with(broker(parts));
    }
    root
}

fn runtime(parts: &Parts, handles: &Handles) -> Child {
    let shared_db = parts.shared_db.clone();
    Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(Bell::NAME), &handles.bell, move |lifeline| {
            Bell::new(shared_db.clone(), lifeline)
        }))
        .child(parts.spec("runtime"))
}

/// On a thread of its own: events must not wait for requests.
fn broker(parts: &Parts) -> Child {
    let handle = Handle::new(EventPublisher::NAME, parts.limits());
    let publisher = PublisherParts {
        replica: parts.replica,
        shared_db: parts.shared_db.clone(),
        rabbitmq: parts.settings.rabbitmq.clone(),
        settings: parts.settings.event_publisher.clone(),
    };
    let backoff = parts.settings.rabbitmq.backoff();
    Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(EventPublisher::NAME), &handle, move |lifeline| {
            EventPublisher::new(publisher.clone(), lifeline)
        }))
        .with(notify_listener(parts.spec("notify_listener"), parts.shared_db.clone(), backoff, handle))
        .child_on_own_thread(parts.spec("broker"))
}
