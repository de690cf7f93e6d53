//! One instance, all its lives, and what really stands of it outside of its row: which no supervisor sees.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The supervisor does its next step, and it goes well.
    Step,
    /// The engine refuses; a part of what it made may stand.
    Refused {
        something_stands: bool,
    },
    /// The engine is away, or there is other news, in the middle of it: an effect may have happened or not, a write has not.
    Away {
        it_happened: bool,
    },
    /// The supervisor or its process dies after its step, before it has noted it. The next life claims the row.
    Crash {
        after_a_step: bool,
    },
    /// The reaper takes a row that is past its deadline.
    Expired,
    /// What the user does.
    Start,
    Stop,
    Delete,
    /// Another configuration: what was prepared does not suit any more.
    Patch,
}

fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => Just(Happening::Step),
        2 => any::<bool>().prop_map(|something_stands| Happening::Refused { something_stands }),
        2 => any::<bool>().prop_map(|it_happened| Happening::Away { it_happened }),
        2 => any::<bool>().prop_map(|after_a_step| Happening::Crash { after_a_step }),
        1 => Just(Happening::Expired),
        2 => Just(Happening::Start),
        2 => Just(Happening::Stop),
        1 => Just(Happening::Delete),
        1 => Just(Happening::Patch),
    ]
}

#[derive(Clone, Copy, Debug)]
struct World {
    picture: Picture,
    /// Whether anything stands outside of the row, such as a process or a reservation.
    stands: bool,
    is_purged: bool,
    has_reason: bool,
}

impl World {
    fn new() -> Self {
        let picture = Picture {
            status: InstanceStatus::Pending,
            desired: DesiredState::Running,
            remains: Remains::Unknown,
            doomed: false,
        };
        Self { picture, stands: false, is_purged: false, has_reason: false }
    }

    /// A step that goes well. Says which it was.
    fn step(&mut self) -> Result<Step, TestCaseError> {
        let step = next_step(self.picture);
        match step {
            Step::Move(to) => {
                let from = self.picture.status;
                prop_assert!(from.can_move_to(to), "{from} to {to}");
                match to {
                    InstanceStatus::Running => {
                        prop_assert!(self.stands && self.picture.remains == Remains::Prepared, "{self:?}");
                    }
                    InstanceStatus::Stopped => prop_assert!(!self.stands, "stopped, and it stands: {self:?}"),
                    InstanceStatus::Failed => {
                        prop_assert!(self.picture.doomed, "failed without a reason: {self:?}");
                        self.has_reason = true;
                    }
                    InstanceStatus::Pending | InstanceStatus::Provisioning => self.has_reason = false,
                }
                self.picture = Picture { status: to, doomed: false, ..self.picture };
            }
            Step::Prepare => {
                self.stands = true;
                self.picture.remains = Remains::Prepared;
            }
            Step::TearDown => {
                self.stands = false;
                self.picture.remains = Remains::Nothing;
            }
            Step::Purge => {
                prop_assert!(!self.stands, "purged, and it stands: {self:?}");
                self.is_purged = true;
            }
            Step::Rest | Step::Leave => {}
        }
        Ok(step)
    }

    /// Whoever claims the row next knows nothing but the row.
    fn next_life(&mut self) {
        self.picture.remains = Remains::Unknown;
        self.picture.doomed = false;
    }

    fn happens(&mut self, happening: Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Step => {
                self.step()?;
            }
            Happening::Refused { something_stands } if next_step(self.picture) == Step::Prepare => {
                self.stands |= something_stands;
                self.picture = Picture { remains: Remains::Unknown, doomed: true, ..self.picture };
            }
            Happening::Refused { .. } => {}
            Happening::Away { it_happened } => match next_step(self.picture) {
                Step::Prepare => {
                    self.stands |= it_happened;
                    self.picture.remains = Remains::Unknown;
                }
                // What was begun to be torn down is not what was prepared any more.
                Step::TearDown => {
                    self.stands &= !it_happened;
                    self.picture.remains = Remains::Unknown;
                }
                Step::Move(_) | Step::Purge | Step::Rest | Step::Leave => {}
            },
            Happening::Crash { after_a_step } => {
                if after_a_step {
                    self.step()?;
                }
                self.next_life();
            }
            Happening::Expired => {
                let is_starting =
                    matches!(self.picture.status, InstanceStatus::Pending | InstanceStatus::Provisioning);
                if self.picture.desired == DesiredState::Running && is_starting {
                    self.picture.status = InstanceStatus::Failed;
                    self.has_reason = true;
                    self.next_life();
                }
            }
            Happening::Start if self.picture.desired != DesiredState::Deleted => {
                self.picture.desired = DesiredState::Running;
                if matches!(self.picture.status, InstanceStatus::Failed | InstanceStatus::Stopped) {
                    self.picture.status = InstanceStatus::Pending;
                    self.picture.doomed = false;
                    self.has_reason = false;
                }
            }
            Happening::Stop if self.picture.desired != DesiredState::Deleted => {
                self.picture.desired = DesiredState::Stopped;
            }
            Happening::Start | Happening::Stop => {}
            Happening::Delete => self.picture.desired = DesiredState::Deleted,
            Happening::Patch => self.next_life(),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_left_standing_and_it_ends_as_wished_within_a_few_steps(
        happenings in prop::collection::vec(happenings(), 0..60),
    ) {
        let mut world = World::new();
        for happening in happenings {
            if !world.is_purged {
                world.happens(happening)?;
            }
        }
        // From here on nothing goes wrong any more.
        let mut last = None;
        for _ in 0..8 {
            let before = world;
            last = Some(world.step()?);
            if world.is_purged || matches!(last, Some(Step::Rest | Step::Leave)) {
                break;
            }
            prop_assert!(before.picture != world.picture, "it stands still: {world:?}");
        }
        let Picture { status, desired, .. } = world.picture;
        match desired {
            DesiredState::Deleted => prop_assert!(world.is_purged && !world.stands),
            DesiredState::Stopped => {
                prop_assert_eq!((last, status), (Some(Step::Leave), InstanceStatus::Stopped));
                prop_assert!(!world.stands);
            }
            DesiredState::Running if status == InstanceStatus::Failed => {
                prop_assert!(world.has_reason && last == Some(Step::Leave));
            }
            DesiredState::Running => {
                prop_assert_eq!((last, status), (Some(Step::Rest), InstanceStatus::Running));
                prop_assert!(world.stands);
            }
        }
    }
}
