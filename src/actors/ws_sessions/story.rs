//! What one session is to be told next, whatever carries it: its letterbox, its history and its cursor made into one
//! story. No I/O: a WebSocket and an event stream write what comes out of it, each in its own form.

use std::sync::Arc;

use super::channels::Subscription;
use super::farewell::Farewell;
use super::frame::EventFrame;
use super::letterbox::{Found, Letter};
use super::messages::Joined;
use super::resume::{Flow, Resumed};
use super::seat::Seated;
use super::shelf::Leaf;

/// The next thing to do.
#[derive(Debug)]
pub enum Next {
    /// Tell this event.
    Event(Arc<EventFrame>),
    /// Tell that the history was sent, and that the session is live.
    Resumed(Resumed),
    /// Tell that the history cannot be had, and that the session is live.
    Gap(Resumed),
    /// Tell that the session has everything up to this position.
    Beat(i64),
    /// Say this and end.
    Leave(Farewell),
    /// Have a page of history fetched (`fetch_page`): what comes after one position, up to and including another.
    Fetch {
        /// The session has everything up to here.
        after: i64,
        /// And has no use for what comes after this.
        to: i64,
    },
    /// Nothing, until the letterbox wakes its reader.
    Nothing,
}

/// One session's story.
#[derive(Debug)]
pub struct Story {
    seated: Seated,
    flow: Flow,
    registered_at: i64,
    /// The letterbox holds everything that came after this: where it was registered, or what was thrown away since.
    letters_after: i64,
    /// A page was asked for, and has not been sent to its end.
    has_asked: bool,
    subscription: Subscription,
}

impl Story {
    /// Begins with a seat; `since` as it was when that was asked for.
    pub fn new(Joined { seated, position }: Joined, since: Option<i64>) -> Self {
        Self {
            flow: since.map_or(Flow::from_now(position), |since| Flow::since(since, position)),
            registered_at: position,
            letters_after: position,
            has_asked: !seated.shelf.is_empty(),
            subscription: Subscription::default(),
            seated,
        }
    }

    /// The session's side of its seat.
    pub fn seated(&self) -> &Seated {
        &self.seated
    }

    /// The position up to which everything had been told when it was registered.
    pub fn registered_at(&self) -> i64 {
        self.registered_at
    }

    /// The position up to which everything that concerns the session was given out.
    pub fn sent_to(&self) -> i64 {
        self.flow.sent_to()
    }

    /// Whether it has not come to the live events yet.
    pub fn is_resuming(&self) -> bool {
        self.flow.wants_log().is_some()
    }

    /// What the session listens to.
    pub fn subscription(&mut self) -> &mut Subscription {
        &mut self.subscription
    }

    /// The next thing to do. To be asked only while there is room to write: what is given out is not kept.
    #[expect(clippy::should_implement_trait, reason = "a story that has nothing to tell now has not ended")]
    pub fn next(&mut self) -> Next {
        if let Some(farewell) = self.seated.letterbox.farewell() {
            return Next::Leave(farewell);
        }
        while let Some((after, to)) = self.flow.wants_log() {
            // It stands where this replica stood when it came: nothing has to be asked for that.
            let told = if !self.has_asked && after == to && to == self.registered_at {
                self.end_page(to)
            } else if !self.has_asked {
                self.has_asked = true;
                return Next::Fetch { after, to };
            } else {
                match self.seated.shelf.next() {
                    Leaf::Nothing => return Next::Nothing,
                    Leaf::Event(frame) => self.replay(frame),
                    Leaf::End(reached) => self.end_page(reached),
                    Leaf::TakenBack => {
                        self.has_asked = false;
                        None
                    }
                    Leaf::Gap => Some(self.give_up()),
                    Leaf::Unavailable => Some(Next::Leave(Farewell::NoHistory)),
                }
            };
            if let Some(told) = told {
                return told;
            }
        }
        self.next_letter()
    }

    fn next_letter(&mut self) -> Next {
        loop {
            match self.seated.letterbox.take() {
                Found::Nothing => return Next::Nothing,
                Found::Farewell(farewell) => return Next::Leave(farewell),
                Found::Letter(Letter::Beat(position)) => return Next::Beat(self.flow.beat(position)),
                Found::Letter(Letter::Event(frame)) => {
                    let is_wanted = self.subscription.wants(frame.topic, frame.instance_id);
                    if self.flow.live(frame.position) && is_wanted {
                        return Next::Event(frame);
                    }
                }
            }
        }
    }

    fn replay(&mut self, frame: Arc<EventFrame>) -> Option<Next> {
        let is_wanted = self.subscription.wants(frame.topic, frame.instance_id);
        self.flow.replay(frame.position, is_wanted).then_some(Next::Event(frame))
    }

    /// A page has been sent, and with it everything up to `reached`.
    fn end_page(&mut self, reached: i64) -> Option<Next> {
        self.has_asked = false;
        // Asked again until it says that the session is live: what was lost may end where the client stood already.
        while self.flow.ends_at(reached)
            && let Some(lost_to) = self.seated.letterbox.lost_to()
        {
            self.letters_after = lost_to;
            self.flow.extend(lost_to);
        }
        self.flow.replayed_to(reached).map(Next::Resumed)
    }

    fn give_up(&mut self) -> Next {
        self.has_asked = false;
        while let Some(lost_to) = self.seated.letterbox.lost_to() {
            self.letters_after = lost_to;
        }
        Next::Gap(self.flow.give_up(self.letters_after))
    }
}

#[cfg(test)]
mod tests;
